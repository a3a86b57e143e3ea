//! What a node counts, as a test reads it.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{PATIENCE, TestNode};

pub async fn scrape(node: &TestNode) -> String {
    let mut stream = tokio::net::TcpStream::connect(node.listen).await.unwrap();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nhost: node\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.contains("openmetrics-text"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    body.to_owned()
}

/// A sample's value; none while it was never counted.
pub fn value(text: &str, sample: &str) -> Option<f64> {
    text.lines()
        .find_map(|line| line.strip_prefix(&format!("visioplainte_media_{sample} ")))
        .map(|value| value.parse().unwrap())
}

/// Scrapes until a sample fits: workers hand their numbers over now and then.
pub async fn until(node: &TestNode, sample: &str, fits: impl Fn(f64) -> bool) -> String {
    let search = async {
        loop {
            let text = scrape(node).await;
            if value(&text, sample).is_some_and(&fits) {
                return text;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, search)
        .await
        .unwrap_or_else(|_| panic!("{sample} never fits"))
}
