//! Ends event streams when the server stops.
//!
//! A page that is open keeps one for as long as it lives; without this, stopping
//! would always wait for the whole grace period. Browsers come back by
//! themselves.

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::Response;
use futures_util::StreamExt as _;
use tokio::sync::watch;

/// The router, whose event streams end once the server stops.
pub(super) fn end_with(router: Router, stopped: &watch::Receiver<bool>) -> Router {
    let stopped = stopped.clone();
    router.layer(middleware::map_response(move |answer: Response| {
        let mut stopped = stopped.clone();
        async move {
            if !is_event_stream(&answer) {
                return answer;
            }
            answer.map(|body| {
                let stop = async move {
                    // An error means that the server is gone.
                    drop(stopped.wait_for(|stopped| *stopped).await);
                };
                Body::from_stream(body.into_data_stream().take_until(Box::pin(stop)))
            })
        }
    }))
}

fn is_event_stream(answer: &Response) -> bool {
    answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use axum::routing::get;
    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn an_event_stream_ends_with_the_server_and_nothing_else_is_touched() {
        let endless = get(async || {
            let silent = Body::from_stream(stream::pending::<Result<String, std::io::Error>>());
            ([(CONTENT_TYPE, "text/event-stream")], silent)
        });
        let (stop, stopped) = watch::channel(false);
        let router = Router::new()
            .route("/events", endless)
            .route("/page", get(async || "text"));
        let router = end_with(router, &stopped);
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            router
                .clone()
                .oneshot(request)
                .await
                .expect("an answer")
                .into_body()
        };
        let events = ask("/events").await;
        stop.send_replace(true);
        let left = events.collect().await.expect("an end").to_bytes();
        assert!(left.is_empty());
        let page = ask("/page").await.collect().await.expect("a body");
        assert_eq!(page.to_bytes(), "text");
    }
}
