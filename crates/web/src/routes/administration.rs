//! The pages of administrators. What each needs stands in [`super::powers`].

use super::{Access, Route, read, send};
use crate::pages::admin::{self, acts, people, person};

pub(super) fn routes() -> Vec<Route> {
    use Access::People;
    vec![
        read("/admin", People, admin::get),
        read("/admin/people", People, people::get),
        read("/admin/people/{id}", People, person::get),
        read("/admin/people/{id}/{act}", People, acts::ask),
        send("/admin/people/{id}/{act}", People, acts::post),
        read(
            "/admin/people/{id}/sessions/{session}/log-out",
            People,
            acts::to_person,
        ),
        send(
            "/admin/people/{id}/sessions/{session}/log-out",
            People,
            acts::log_out_one,
        ),
    ]
}
