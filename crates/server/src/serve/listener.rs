//! Connections: how long they may dawdle and how much they may send before
//! anybody looks at a request.
//!
//! Limits of bodies are the routes' own.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::http::Request;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::service::{MakeService, SendService};
use axum_server::tls_rustls::RustlsAcceptor;

use hyper::body::Incoming;

use super::tls::Certificate;

/// The first request must be there after this long; what opens connections and
/// says nothing goes.
const FIRST_REQUEST: Duration = Duration::from_secs(15);

/// A later one may take this long, its waiting included: longer than proxies
/// keep their connections, so that they are the ones to close them.
const NEXT_REQUEST: Duration = Duration::from_secs(75);

/// The head of a request, in bytes: cookies of other applications on the same
/// host included.
const LARGEST_HEAD: usize = 32 * 1024;

/// Requests at once on one connection.
const STREAMS: u32 = 100;

/// A connection that is silent for that long is asked, and given up after the
/// same again.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Serves until the handle says otherwise. `service` makes what answers on a connection.
pub(super) fn serve<M>(
    listener: TcpListener,
    service: M,
    handle: Handle<SocketAddr>,
    certificate: Option<Certificate>,
) -> io::Result<impl Future<Output = io::Result<()>>>
where
    M: MakeService<SocketAddr, Request<Incoming>>,
    M::Service: SendService<Request<Incoming>> + Send + 'static,
{
    let mut server = axum_server::from_tcp(listener)?
        .acceptor(NoDelayAcceptor::new())
        .first_request_timeout(FIRST_REQUEST)
        .accept_error_handler(|_, error| tracing::debug!(%error, "a connection was not accepted"))
        .handle(handle);
    let builder = server.http_builder();
    builder
        .http1()
        .header_read_timeout(NEXT_REQUEST)
        .max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    Ok(async move {
        match certificate {
            Some(certificate) => {
                let speak_tls = |plain| RustlsAcceptor::new(certificate.config()).acceptor(plain);
                server.map(speak_tls).serve(service).await
            }
            None => server.serve(service).await,
        }
    })
}
