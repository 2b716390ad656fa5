//! Forms: filled by label, submitted with their hidden fields.

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Under which name it is sent.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// The type of the input: `text`, `password`, `checkbox`, `hidden` …
    pub kind: String,
    /// Its label, empty if it has none.
    pub label: String,
    /// Whether a box or a choice is checked.
    pub checked: bool,
    /// Whether it is locked, and not sent.
    pub disabled: bool,
}

impl Field {
    fn is_box(&self) -> bool {
        matches!(self.kind.as_str(), "checkbox" | "radio")
    }
}

/// A form of a page.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Its `id`, by which fields elsewhere belong to it.
    pub(crate) id: Option<String>,
    /// Where it is sent.
    pub action: String,
    /// `get` or `post`.
    pub method: String,
    /// How a `post` is written.
    pub encoding: String,
    /// Its fields, hidden ones included, in the order of the page.
    pub fields: Vec<Field>,
    /// What is read of its buttons.
    pub buttons: Vec<String>,
}

impl Form {
    /// Whether it has a button of exactly these words.
    pub fn has_button(&self, words: &str) -> bool {
        self.buttons.iter().any(|button| button == words)
    }

    /// The field of this label, or else of this name, if there is one.
    pub fn find(&self, label: &str) -> Option<&Field> {
        let by_label = |field: &&Field| field.label == label && field.kind != "hidden";
        self.fields
            .iter()
            .find(by_label)
            .or_else(|| self.fields.iter().find(|field| field.name == label))
    }

    /// The value of the field of this label or name.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn value(&self, label: &str) -> &str {
        match self.find(label) {
            Some(field) => &field.value,
            None => panic!("no field “{label}” among {:?}", self.fields),
        }
    }

    /// Types into the field of this label or name.
    ///
    /// # Panics
    ///
    /// If there is none, or it is locked.
    pub fn fill(&mut self, label: &str, value: &str) {
        let field = self.find_mutable(label);
        assert!(!field.disabled, "the field “{label}” is locked");
        value.clone_into(&mut field.value);
    }

    /// Checks the box of this label.
    ///
    /// # Panics
    ///
    /// If there is none, or it is locked.
    pub fn check(&mut self, label: &str) {
        let field = self.find_mutable(label);
        assert!(field.is_box(), "“{label}” is not a box");
        assert!(!field.disabled, "the box “{label}” is locked");
        field.checked = true;
    }

    /// Takes the check out of the box of this label.
    ///
    /// # Panics
    ///
    /// If there is none, or it is locked.
    pub fn uncheck(&mut self, label: &str) {
        let field = self.find_mutable(label);
        assert!(field.is_box(), "“{label}” is not a box");
        assert!(!field.disabled, "the box “{label}” is locked");
        field.checked = false;
    }

    /// Chooses, of the boxes of this name, the one with this value.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn pick(&mut self, name: &str, value: &str) {
        let found = self
            .fields
            .iter_mut()
            .find(|field| field.is_box() && field.name == name && field.value == value);
        match found {
            Some(field) => field.checked = true,
            None => panic!("no box {name}={value}"),
        }
    }

    fn find_mutable(&mut self, label: &str) -> &mut Field {
        let place = self
            .fields
            .iter()
            .position(|field| field.label == label && field.kind != "hidden")
            .or_else(|| self.fields.iter().position(|field| field.name == label));
        match place.and_then(|place| self.fields.get_mut(place)) {
            Some(field) => field,
            None => panic!("no field “{label}” in the form for {}", self.action),
        }
    }

    /// What a browser would send.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.fields
            .iter()
            .filter(|field| !field.disabled && !field.name.is_empty())
            .filter(|field| !field.is_box() || field.checked)
            .map(|field| (field.name.clone(), field.value.clone()))
            .collect()
    }
}
