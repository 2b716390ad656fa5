//! Apps that nobody of us wrote, as their libraries' guides have them, at the real program: people sign in to them,
//! are logged out elsewhere, and are refused afterwards.

mod process;
mod scene;
mod stories;

use super::Check;

/// All of them.
pub(super) const ALL: [Check; 11] = [
    check!(stories::authlib_signs_in_and_is_refused_after_a_logout),
    check!(stories::authlib_logs_out_and_gets_its_state_back),
    check!(stories::express_openid_connect_hears_a_logout),
    check!(stories::express_openid_connect_logs_out),
    check!(stories::openid_client_with_a_secret_and_rs256),
    check!(stories::openid_client_with_a_posted_secret_and_es256),
    check!(stories::openid_client_with_a_key_and_eddsa),
    check!(stories::openid_client_without_a_secret),
    check!(stories::openid_client_gives_its_tokens_back),
    check!(stories::apache_mod_auth_openidc_hears_a_logout),
    check!(stories::spring_security_hears_a_logout),
];
