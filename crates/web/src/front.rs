//! The front door: whatever comes over a connection passes here first.
//!
//! Nearly all that a busy server is asked is one question, the check of a proxy, and
//! nearly all of its answers are in memory. Those are given right here, without any of
//! what stands before a page. Everything else goes on to the routes, and so does a check
//! whose answer is not a plain yes from memory: what is refused, read from the database
//! or logged is so in one place, and this one can be left out without a difference in
//! any answer.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use futures_util::future::Either;
use tower::{BoxError, Service};

use crate::forward_auth;
use crate::guard;
use crate::state::App;

/// The whole server, for connections that are still to come.
#[derive(Debug, Clone)]
pub struct Front {
    app: Arc<App>,
    router: Router,
}

impl Front {
    /// Puts itself before the routes.
    pub const fn new(app: Arc<App>, router: Router) -> Self {
        Self { app, router }
    }

    /// The server as somebody at this address meets it.
    pub fn for_peer(&self, peer: SocketAddr) -> Door {
        Door {
            app: Arc::clone(&self.app),
            is_proxy: guard::is_proxy(&self.app, peer),
            peer,
            router: self.router.clone(),
        }
    }
}

/// The server on one connection.
#[derive(Debug, Clone)]
pub struct Door {
    app: Arc<App>,
    /// Whether the other end is one of those that may ask about requests of others
    /// (FWD-03); found out once, since an address does not change.
    is_proxy: bool,
    peer: SocketAddr,
    router: Router,
}

/// What the routes make of a request.
type OfRoutes<B> = <Router as Service<Request<B>>>::Future;

impl<B> Service<Request<B>> for Door
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response<Body>, Infallible>>, OfRoutes<B>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routes are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.is_proxy
            && let Some(answer) = forward_auth::from_memory(&self.app, &request)
        {
            return Either::Left(ready(Ok(answer)));
        }
        request.extensions_mut().insert(ConnectInfo(self.peer));
        Either::Right(self.router.call(request))
    }
}
