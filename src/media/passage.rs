//! The one HTTP port leads to every node's signaling: a WebSocket is passed
//! through byte for byte.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::app::App;
use crate::error::Fault;

/// The signaling addresses on the one HTTP port.
pub fn router() -> Router<App> {
    Router::new().route("/signaling/{node}", any(pass_through))
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
    let headers = request.headers().clone();
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
        let wanted = matches!(name.as_str(), "upgrade" | "connection")
            || name.as_str().starts_with("sec-websocket-");
        if wanted {
            outgoing = outgoing.header(name, value);
        }
    }
    let outgoing = outgoing.body(Body::empty()).map_err(Fault::other)?;
    let mut answer = sender.send_request(outgoing).await.map_err(Fault::other)?;
    let upgrade = hyper::upgrade::on(&mut answer);
    Ok((answer.map(Body::new), upgrade))
}
