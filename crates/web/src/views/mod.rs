//! What the pages show: plain, owned data and the templates that print it.
//!
//! The handlers fill these structs and call [`askama::Template::render`]. Nothing here reads a database,
//! a clock or a request, so every page can be rendered from a sample (see `samples.rs`).
//!
//! Each page struct has a `frame` (what all pages share) and a `title()`, which is printed both as the
//! `<h1>` and in `<title>`, so that the two cannot disagree.

mod accent;
mod account;
mod admin;
mod apps;
mod check_up;
mod common;
mod confirm;
mod email_change;
mod factor;
mod factors;
mod frame;
mod history;
mod letter;
mod oidc;
mod passkeys;
mod phone_sign_in;
mod problem;
mod protected;
mod receipt;
mod recovery;
#[cfg(test)]
mod samples;
mod sessions;
mod sign_in;
#[cfg(test)]
mod tests;
mod why;

pub use accent::Accent;
pub use account::{
    AppView, LastSignInView, LimitView, MarkSharedView, PasswordErrors, ProfilePage, SecurityPage,
    StartPage, ThisSessionView,
};
pub use admin::{FoundPersonView, MemberActPage, MemberPage, PeoplePage};
pub use apps::{AppsPage, OwnAppView};
pub use check_up::{CheckUpPage, CheckUpView};
pub use common::{
    DeviceKind, Field, FlashKind, FlashView, LinkView, NoticeKind, NoticeView, TimeView,
};
pub use confirm::{
    ConfirmItsYouPage, HiddenField, LogOutManyPage, LogOutScope, NotMePage, Proof, ProofLevel,
    ProofWays,
};
pub use email_change::{
    EmailChangePage, EmailConfirmPage, EmailConfirmState, EmailRow, EmailUndoPage, EmailUndoState,
    PendingEmailView,
};
pub use factor::{FactorPage, FactorWay, RememberedBrowserView};
pub use factors::{
    AddAppPage, AuthenticatorAppView, NewRecoveryCodesPage, RecoveryCodeUsedPage,
    RecoveryCodesPage, RemoveAppPage, TwoStepView,
};
pub use frame::{ContactView, Frame, Nav, PersonView, SessionMark, Theme, initials};
pub use history::{HistoryEntryView, HistoryFilter, HistoryKind, HistoryPage};
pub use letter::{LetterFact, LetterHtml, LetterLink, LetterText, LetterView};
pub use oidc::{
    AppProblem, AppProblemPage, AppProofPage, AppWay, ChooseAccountPage, ConsentPage, FormPostPage,
    TowardApp,
};
pub use passkeys::{AddPasskeyPage, PasskeyView, PasskeysView, RemovePasskeyPage};
pub use phone_sign_in::{
    PhoneConfirmPage, PhoneConfirmState, PhoneRequestView, PhoneWaitPage, PhoneWaitState,
};
pub use problem::{Problem, ProblemPage, WayOn, WrongAddressPage};
pub use protected::{HostLeftPage, HostLogOutPage, HostProblem, HostProblemPage, NoAccessPage};
pub use receipt::{
    AppCountsView, AppReceiptState, AppReceiptView, EndSessionPage, EndingPage, ReceiptApps,
    ReceiptView, SignedOutPage,
};
pub use recovery::{
    AlertPage, AlertSessionView, AlertState, AlertView, DemoLetterView, DemoLineView, DemoMailPage,
    DisownedView, RecoverPage, RecoverState, ResetForm, ResetPage, ResetState,
};
pub use sessions::{BrowserView, SessionView, SessionsPage};
pub use sign_in::{
    HelpPage, LoginPage, LoginState, LogoutPage, RememberChoice, ReplaceView, SetUpPage,
    SharedChoice, SignInForm,
};
pub use why::WhyEnded;
