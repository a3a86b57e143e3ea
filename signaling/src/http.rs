//! What the node answers in plain HTTP on its one listener: whether it lives, and
//! what it counts. Everything else there is a WebSocket.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::metrics;
use crate::server::Shared;

/// Where a supervisor asks whether the node lives.
pub const HEALTH_PATH: &str = "/health";
/// Where Prometheus asks what the node counts. Like the control channel, it is
/// for the operator's own network.
pub const METRICS_PATH: &str = "/metrics";

/// How long a question and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A longer request is no question of these.
const LONGEST: usize = 8 * 1024;

/// What somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    Health,
    Metrics,
}

const QUESTIONS: [(&[u8], Question); 3] = [
    (b"GET /health ", Question::Health),
    (b"HEAD /health ", Question::Health),
    (b"GET /metrics ", Question::Metrics),
];

/// Looks at the request line without taking it: a WebSocket's is read by others.
pub(crate) async fn asked(stream: &TcpStream) -> io::Result<Option<Question>> {
    let mut start = [0; 16];
    loop {
        stream.readable().await?;
        let seen = stream.peek(&mut start).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let start = &start[..seen];
        if let Some((_, question)) = QUESTIONS.iter().find(|(line, _)| start.starts_with(line)) {
            return Ok(Some(*question));
        }
        if !QUESTIONS.iter().any(|(line, _)| line.starts_with(start)) {
            return Ok(None);
        }
        // A request that comes letter by letter; the caller's time limit ends it.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Answers, and closes; gives up on whoever is slow.
pub(crate) async fn answer(stream: TcpStream, question: Question, shared: &Shared) {
    let _ = timeout(PATIENCE, say(stream, question, shared)).await;
}

async fn say(mut stream: TcpStream, question: Question, shared: &Shared) -> io::Result<()> {
    // Read to its end: what is left unread would take the answer with it.
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if request.len() > LONGEST || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, kind, body) = match question {
        Question::Health if shared.draining.is_cancelled() => (
            "503 Service Unavailable",
            "text/plain",
            "draining\n".to_owned(),
        ),
        Question::Health => ("200 OK", "text/plain", "ok\n".to_owned()),
        Question::Metrics => ("200 OK", metrics::CONTENT_TYPE, shared.metrics.text(shared)),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
