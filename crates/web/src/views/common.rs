//! Small pieces that several pages share.

/// An instant as a person reads it, and exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeView {
    /// "2 hours ago", "in 6 hours", "yesterday".
    pub relative: String,
    /// "Monday, November 23, 2026 at 11:31 AM (UTC+1)"; shown on hover.
    pub exact: String,
    /// RFC 3339, for `<time datetime>`.
    pub iso: String,
}

/// A text field that may come back with an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// What the field holds when the page opens.
    pub value: String,
    /// What is wrong and how to fix it, as one sentence.
    pub error: Option<String>,
}

impl Field {
    /// A field that holds `value` and has no error.
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            error: None,
        }
    }
}

/// A link inside a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// The words of the link.
    pub label: String,
    /// A path on this server.
    pub href: String,
}

/// How a flash message looks and how it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashKind {
    /// The action was done (`role="status"`).
    Done,
    /// Something to know (`role="status"`).
    Info,
    /// The action was not done (`role="alert"`).
    Problem,
}

/// The sentence that says what happened after an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlashView {
    /// How it looks.
    pub kind: FlashKind,
    /// One sentence.
    pub text: String,
}

impl FlashView {
    /// Says that an action was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Done,
            text: text.into(),
        }
    }

    /// Says something to know.
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Info,
            text: text.into(),
        }
    }

    /// Says that an action was not done.
    pub fn problem(text: impl Into<String>) -> Self {
        Self {
            kind: FlashKind::Problem,
            text: text.into(),
        }
    }

    /// Whether screen readers are interrupted.
    pub fn is_problem(&self) -> bool {
        self.kind == FlashKind::Problem
    }

    /// The style class and the icon.
    pub fn class(&self) -> &'static str {
        match self.kind {
            FlashKind::Done => "done",
            FlashKind::Info => "info",
            FlashKind::Problem => "problem",
        }
    }
}

/// How a notice looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something ordinary: you logged out.
    Info,
    /// Something the person may not expect: somebody else ended the session.
    Attention,
}

/// A calm box above the sign-in form: why one was signed out, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeView {
    /// How it looks.
    pub kind: NoticeKind,
    /// One or two sentences.
    pub text: String,
    /// When it happened.
    pub when: Option<TimeView>,
    /// "What happened?" leading to `/signed-out`, for example.
    pub link: Option<LinkView>,
}

impl NoticeView {
    /// The style class and the icon.
    pub fn class(&self) -> &'static str {
        match self.kind {
            NoticeKind::Info => "info",
            NoticeKind::Attention => "attention",
        }
    }
}

/// What the browser says it runs on; a hint for an icon, never for trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceKind {
    /// A laptop, or a computer of which we know no more.
    Laptop,
    /// A desktop computer.
    Desktop,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// Anything else.
    #[default]
    Unknown,
}

impl DeviceKind {
    /// The name of its icon in the sprite.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Laptop => "laptop",
            Self::Desktop => "desktop",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Unknown => "device",
        }
    }
}
