//! The pages of companies and contacts. Each begins by asking who is signed in.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::answers::{is_own_form, page, see_other};
use crate::book::{Kind, Record, STAGES, Saved, Values, fields};
use crate::pages::{FormPage, Frame, ListPage, RecordPage, Row, TroublePage};
use crate::sessions::Session;
use crate::{Crm, now};

/// Companies and contacts are the same to these addresses.
pub(crate) fn routes() -> Router<Crm> {
    let kind = |kind: Kind| {
        let path = kind.list();
        Router::new()
            .route(
                path,
                get(async move |crm, headers: HeaderMap, query, uri: Uri| {
                    list(kind, crm, &headers, query, &uri)
                }),
            )
            .route(
                &format!("{path}/{{id}}"),
                get(async move |crm, headers, id, query, uri| {
                    show(kind, (crm, headers, id, uri), query)
                }),
            )
            .route(
                &format!("{path}/{{id}}/edit"),
                get(async move |crm, headers, id, uri| edit(kind, (crm, headers, id, uri))).post(
                    async move |crm, headers, id, uri, form| {
                        save(kind, (crm, headers, id, uri), form)
                    },
                ),
            )
    };
    Router::new()
        .merge(kind(Kind::Company))
        .merge(kind(Kind::Contact))
        .route("/companies/new", get(new_company).post(add_company))
        .route(
            "/companies/{id}/contacts/new",
            get(new_contact).post(add_contact),
        )
}

/// What every page of a record is asked with.
type Asked = (State<Crm>, HeaderMap, Path<u32>, Uri);

/// The way to sign in, and back to this page.
fn to_sign_in(uri: &Uri) -> Response {
    let to: String = byte_serialize(uri.to_string().as_bytes()).collect();
    see_other(&format!("/?to={to}"), &[])
}

fn frame<'a>(crm: &'a Crm, who: &'a Session, kind: Kind, record: String) -> Frame<'a> {
    Frame {
        who,
        provider: &crm.settings.issuer,
        kind,
        record,
    }
}

fn missing() -> Response {
    let template = TroublePage {
        title: "This page does not exist",
        sentence: "The record that you followed is not here.",
        way_out: ("See all companies", "/companies"),
    };
    page(StatusCode::NOT_FOUND, &template)
}

fn not_our_form() -> Response {
    let template = TroublePage {
        title: "Nothing was changed",
        sentence: "That form did not come from a page of the CRM.",
        way_out: ("See all companies", "/companies"),
    };
    page(StatusCode::FORBIDDEN, &template)
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

fn list(
    kind: Kind,
    State(crm): State<Crm>,
    headers: &HeaderMap,
    Query(search): Query<Search>,
    uri: &Uri,
) -> Response {
    let Some(who) = crm.session(headers) else {
        return to_sign_in(uri);
    };
    let found = crm.book.search(kind, &search.q).into_iter();
    let rows = found.map(|record| Row {
        company: company_of(&crm, &record),
        record,
    });
    let template = ListPage {
        frame: frame(&crm, &who, kind, kind.list().to_owned()),
        query: search.q.trim(),
        rows: rows.collect(),
    };
    page(StatusCode::OK, &template)
}

fn company_of(crm: &Crm, record: &Record) -> Option<Record> {
    let id = record.company?;
    crm.book.find(Kind::Company, id)
}

#[derive(Deserialize)]
struct Shown {
    saved: Option<String>,
}

fn show(kind: Kind, asked: Asked, Query(shown): Query<Shown>) -> Response {
    let (State(crm), headers, Path(id), uri) = asked;
    let Some(who) = crm.session(&headers) else {
        return to_sign_in(&uri);
    };
    let Some(record) = crm.book.find(kind, id) else {
        return missing();
    };
    let contacts = match kind {
        Kind::Company => crm.book.contacts_of(id),
        Kind::Contact => Vec::new(),
    };
    let template = RecordPage {
        frame: frame(&crm, &who, kind, record.path()),
        company: company_of(&crm, &record),
        contacts,
        history: crm.book.history(id),
        is_saved: shown.saved.is_some(),
        record: &record,
    };
    page(StatusCode::OK, &template)
}

fn edit(kind: Kind, asked: Asked) -> Response {
    let (State(crm), headers, Path(id), uri) = asked;
    let Some(who) = crm.session(&headers) else {
        return to_sign_in(&uri);
    };
    let Some(record) = crm.book.find(kind, id) else {
        return missing();
    };
    page(StatusCode::OK, &edit_form(&crm, &who, &record))
}

fn edit_form<'a>(crm: &'a Crm, who: &'a Session, record: &'a Record) -> FormPage<'a> {
    FormPage {
        title: format!("Edit {}", record.name()),
        action: format!("{}/edit", record.path()),
        back: record.path(),
        fields: record.fields(),
        values: &record.values,
        version: record.version,
        problems: Vec::new(),
        meanwhile: None,
        stages: &STAGES,
        // A page with a form is not replaced under its person's hands: saving tells.
        frame: frame(crm, who, record.kind, String::new()),
    }
}

type Filled = HashMap<String, String>;

fn values(kind: Kind, form: &mut Filled) -> Values {
    fields(kind).map(|field| form.remove(field.key).unwrap_or_default())
}

fn save(kind: Kind, asked: Asked, Form(mut form): Form<Filled>) -> Response {
    let (State(crm), headers, Path(id), uri) = asked;
    let Some(who) = crm.session(&headers) else {
        return to_sign_in(&uri);
    };
    if !is_own_form(&headers) {
        return not_our_form();
    }
    let version = form.get("version").and_then(|text| text.parse().ok());
    let values = values(kind, &mut form);
    let seen = (kind, id, version.unwrap_or_default());
    match crm.book.edit(seen, &values, &who.name, now()) {
        Saved::Done(record) => see_other(&format!("{}?saved", record.path()), &[]),
        Saved::Missing => missing(),
        Saved::Overtaken(record) => {
            let template = FormPage {
                values: &values,
                meanwhile: Some(&record),
                ..edit_form(&crm, &who, &record)
            };
            page(StatusCode::CONFLICT, &template)
        }
        Saved::Refused(problems) => {
            let Some(record) = crm.book.find(kind, id) else {
                return missing();
            };
            let template = FormPage {
                values: &values,
                problems,
                ..edit_form(&crm, &who, &record)
            };
            page(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
    }
}

/// What is added: a company, or a contact of one.
fn new_form<'a>(
    crm: &'a Crm,
    who: &'a Session,
    company: Option<&Record>,
    values: &'a Values,
) -> FormPage<'a> {
    let (kind, title, back) = company.map_or_else(
        || {
            (
                Kind::Company,
                "New company".to_owned(),
                "/companies".to_owned(),
            )
        },
        |one| {
            let title = format!("New contact at {}", one.name());
            (Kind::Contact, title, one.path())
        },
    );
    let action = company.map_or_else(
        || "/companies/new".to_owned(),
        |one| format!("{}/contacts/new", one.path()),
    );
    FormPage {
        frame: frame(crm, who, kind, String::new()),
        title,
        action,
        back,
        fields: fields(kind),
        values,
        version: 0,
        problems: Vec::new(),
        meanwhile: None,
        stages: &STAGES,
    }
}

async fn new_company(State(crm): State<Crm>, headers: HeaderMap, uri: Uri) -> Response {
    let Some(who) = crm.session(&headers) else {
        return to_sign_in(&uri);
    };
    page(
        StatusCode::OK,
        &new_form(&crm, &who, None, &Values::default()),
    )
}

async fn new_contact(
    State(crm): State<Crm>,
    headers: HeaderMap,
    Path(id): Path<u32>,
    uri: Uri,
) -> Response {
    let Some(who) = crm.session(&headers) else {
        return to_sign_in(&uri);
    };
    let Some(company) = crm.book.find(Kind::Company, id) else {
        return missing();
    };
    page(
        StatusCode::OK,
        &new_form(&crm, &who, Some(&company), &Values::default()),
    )
}

async fn add_company(
    State(crm): State<Crm>,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<Filled>,
) -> Response {
    add(&crm, &headers, &uri, None, form)
}

async fn add_contact(
    State(crm): State<Crm>,
    headers: HeaderMap,
    Path(id): Path<u32>,
    uri: Uri,
    Form(form): Form<Filled>,
) -> Response {
    let Some(company) = crm.book.find(Kind::Company, id) else {
        // Whoever is not signed in learns nothing here.
        return crm
            .session(&headers)
            .map_or_else(|| to_sign_in(&uri), |_| missing());
    };
    add(&crm, &headers, &uri, Some(&company), form)
}

fn add(
    crm: &Crm,
    headers: &HeaderMap,
    uri: &Uri,
    company: Option<&Record>,
    mut form: Filled,
) -> Response {
    let Some(who) = crm.session(headers) else {
        return to_sign_in(uri);
    };
    if !is_own_form(headers) {
        return not_our_form();
    }
    let kind = company.map_or(Kind::Company, |_| Kind::Contact);
    let values = values(kind, &mut form);
    let id = company.map(|one| one.id);
    match crm.book.add(kind, id, &values, &who.name, now()) {
        Saved::Done(record) => see_other(&format!("{}?saved", record.path()), &[]),
        Saved::Refused(problems) => {
            let template = FormPage {
                problems,
                ..new_form(crm, &who, company, &values)
            };
            page(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Saved::Missing | Saved::Overtaken(_) => missing(),
    }
}
