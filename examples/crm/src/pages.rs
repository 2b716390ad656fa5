//! What people see.

use askama::Template;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};

/// A customer of the made-up company.
pub(crate) struct Customer {
    pub(crate) name: &'static str,
    pub(crate) contact: &'static str,
    pub(crate) city: &'static str,
    pub(crate) stage: &'static str,
}

/// The customers.
pub(crate) const CUSTOMERS: [Customer; 6] = [
    Customer {
        name: "Harbor & Finch",
        contact: "Ines Duarte",
        city: "Porto",
        stage: "Proposal sent",
    },
    Customer {
        name: "Kestrel Optics",
        contact: "Tomasz Wilk",
        city: "Gdańsk",
        stage: "First talk",
    },
    Customer {
        name: "Blue Orchard Foods",
        contact: "Naledi Mokoena",
        city: "Durban",
        stage: "Won",
    },
    Customer {
        name: "Atlas Bicycle Works",
        contact: "Jonas Berg",
        city: "Malmö",
        stage: "Negotiation",
    },
    Customer {
        name: "Sunhill Clinics",
        contact: "Priya Raman",
        city: "Chennai",
        stage: "Proposal sent",
    },
    Customer {
        name: "Northlight Studio",
        contact: "Maëlle Caron",
        city: "Lyon",
        stage: "Won",
    },
];

/// The list of customers.
#[derive(Template)]
#[template(path = "customers.html")]
pub(crate) struct CustomersPage<'a> {
    pub(crate) name: &'a str,
    pub(crate) customers: &'a [Customer],
}

/// Nobody is signed in.
#[derive(Template)]
#[template(path = "welcome.html")]
pub(crate) struct WelcomePage {
    pub(crate) sentence: &'static str,
}

/// Something did not work.
#[derive(Template)]
#[template(path = "trouble.html")]
pub(crate) struct TroublePage;

/// A page that nobody stores: Back shows nothing of the person before.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    let Ok(html) = template.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut answer = (status, Html(html)).into_response();
    let headers = answer.headers_mut();
    for (name, value) in [
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
