//! The one HTTP port leads to every node's signaling: a WebSocket is passed
//! through byte for byte.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::app::App;
use crate::error::Fault;
use crate::routes::Routes;

/// Whom each proxy on the way heard; the node knows how far to believe it.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The signaling addresses on the one HTTP port.
pub fn router() -> Routes {
    Routes::new().route("/signaling/{node}", any(pass_through))
}

/// Passes a WebSocket through to a node that is known by name. The control
/// channel is not reachable this way: the path is fixed.
async fn pass_through(
    State(app): State<App>,
    Path(node): Path<String>,
    mut request: Request,
) -> Response {
    let address = match app.media.nodes().borrow().get(&node) {
        None => return StatusCode::NOT_FOUND.into_response(),
        Some(node) => node.address.clone(),
    };
    let Some(address) = address else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let Some(browser) = request
        .extensions_mut()
        .remove::<hyper::upgrade::OnUpgrade>()
    else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    let visitor = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let visitor = visitor.map(|ConnectInfo(visitor)| visitor.ip());
    let headers = passed_on(request.headers(), visitor);
    drop(request);
    match connect(&address, &headers).await {
        Ok((mut response, node)) => {
            tokio::spawn(async move {
                if let (Ok(browser), Ok(node)) = tokio::join!(browser, node) {
                    let (mut browser, mut node) = (TokioIo::new(browser), TokioIo::new(node));
                    // Either side closing ends the other; there is nothing to tell.
                    let _ = tokio::io::copy_bidirectional(&mut browser, &mut node).await;
                }
            });
            response.headers_mut().remove("transfer-encoding");
            response
        }
        Err(fault) => {
            tracing::warn!(node, %fault, "signaling was not passed through to {node}: {fault}");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// The headers that a node needs: those of a WebSocket, and who came which way.
fn passed_on(headers: &HeaderMap, visitor: Option<IpAddr>) -> HeaderMap {
    let mut passed_on: HeaderMap = headers
        .iter()
        .filter(|(name, _)| {
            matches!(name.as_str(), "upgrade" | "connection" | FORWARDED_FOR)
                || name.as_str().starts_with("sec-websocket-")
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(visitor) = visitor.and_then(|ip| HeaderValue::from_str(&ip.to_string()).ok()) {
        // Behind what was there: the node reads from the end.
        passed_on.append(FORWARDED_FOR, visitor);
    }
    passed_on
}

async fn connect(
    address: &str,
    headers: &HeaderMap,
) -> Result<(Response, hyper::upgrade::OnUpgrade), Fault> {
    let stream = TcpStream::connect(address).await.map_err(Fault::other)?;
    stream.set_nodelay(true).map_err(Fault::other)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Fault::other)?;
    tokio::spawn(connection.with_upgrades());
    let mut outgoing = hyper::Request::get("/signaling").header("host", address);
    for (name, value) in headers {
        outgoing = outgoing.header(name, value);
    }
    let outgoing = outgoing.body(Body::empty()).map_err(Fault::other)?;
    let mut answer = sender.send_request(outgoing).await.map_err(Fault::other)?;
    let upgrade = hyper::upgrade::on(&mut answer);
    Ok((answer.map(Body::new), upgrade))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_node_is_told_who_came_behind_what_they_said_of_themselves() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("sec-websocket-protocol", "visioplainte.v1"),
            ("x-forwarded-for", "192.0.2.9"),
            ("cookie", "secret"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (visitor, told) in [
            (None, vec!["192.0.2.9"]),
            (Some("203.0.113.7"), vec!["192.0.2.9", "203.0.113.7"]),
        ] {
            let visitor = visitor.map(|address| address.parse().unwrap());
            let passed_on = passed_on(&headers, visitor);
            let forwarded: Vec<&str> = passed_on
                .get_all(FORWARDED_FOR)
                .iter()
                .map(|value| value.to_str().unwrap())
                .collect();
            assert_eq!(forwarded, told);
            assert!(passed_on.contains_key("upgrade"));
            assert!(passed_on.contains_key("sec-websocket-protocol"));
            assert!(!passed_on.contains_key("cookie"));
        }
    }
}
