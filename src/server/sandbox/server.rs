//! Serving the sandbox: HTTP over a listener, with the one thing axum's own server cannot do, which is to hang up.

use super::{Sandbox, http::HangUp};
use anyhow::Context;
use axum::{body::Body, extract::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use std::{io, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How long answers under way may take after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop`, then lets answers under way finish for up to two seconds.
///
/// # Errors
/// When the listener cannot take connections any more.
pub async fn serve(listener: TcpListener, sandbox: Sandbox, stop: CancellationToken) -> anyhow::Result<()> {
    let router = sandbox.router();
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let delivers = sandbox.0.options.delivers;
    let delivering = delivers.then(|| tokio::spawn(sandbox.clone().deliver(stop.clone())));
    loop {
        let socket = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => return Err(error).context("taking the sandbox's connections"),
            },
        };
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let router = router.clone();
            async move { answer(router, request.map(Body::new)).await }
        });
        let builder = Builder::new(TokioExecutor::new());
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(socket), service).into_owned());
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error, "a connection to the sandbox ended");
            }
        });
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!("the sandbox left answers unfinished");
    }
    if let Some(delivering) = delivering {
        delivering.await.context("sending webhooks")?;
    }
    Ok(())
}

async fn answer(router: axum::Router, request: Request) -> io::Result<axum::response::Response> {
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match response.extensions().get::<HangUp>() {
        Some(HangUp) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        None => Ok(response),
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
