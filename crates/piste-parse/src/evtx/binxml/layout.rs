//! A template's definition to a list of the fields that its records have.
//!
//! In: what [`definition::walk`](super::definition::walk) tells. Out: a [`Layout`]: for each field its name and what it is
//! filled from, in the order in which the rendering as JSON would give them. A shape whose fields hang on more than single
//! values (texts mixed with values, repeated names, names that are values) has no layout: its records are rendered.

use std::cell::Cell;

use piste_model::schema::{DATA, Role};

use super::definition::Sink;
use crate::evtx::record::{SYSTEM_TIME, system_attribute};

/// Fields that the row's own columns are read from.
pub(super) const HEADS: [&str; 6] =
    ["Channel", "Provider_Name", "EventID", SYSTEM_TIME, "Computer", "EventRecordID"];

/// What fills a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The same text in all records.
    Text(String),
    /// The value of this number.
    Value(u16),
}

/// What an empty value means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// No field.
    Nothing,
    /// An empty field.
    Field,
    /// An empty field, unless one of these values, which are attributes, is there.
    FieldUnless(Vec<u16>),
}

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    /// `Data` stands for the next element of the list of that name.
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) source: Source,
    pub(super) empty: Empty,
    /// The field is left out where this value is null.
    pub(super) needs: Option<u16>,
    /// A list of texts gives one element each.
    pub(super) spreads: bool,
    /// The column that it had the last time.
    pub(super) column: Cell<usize>,
    /// Which of the row's own columns it feeds.
    pub(super) head: Option<usize>,
}

/// The fields of one template's records.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) fields: Vec<Field>,
    /// The value that is a fragment of its own; its fields come last.
    pub(super) inner: Option<u16>,
    /// Element that the template begins with.
    pub(super) root: String,
    /// Names of the elements beside the fragment.
    pub(super) beside: Vec<String>,
}

#[derive(Debug)]
enum Node {
    Text(String),
    Value(u16),
    Element(Element),
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    dependency: Option<u16>,
    attributes: Vec<(String, Vec<Node>)>,
    children: Vec<Node>,
}

/// What is within an element.
enum Content<'e> {
    Nothing,
    Text(&'e str),
    Value(u16),
    Elements(Vec<&'e Element>),
}

impl Element {
    /// `None` where texts, values and elements are mixed.
    fn content(&self) -> Option<Content<'_>> {
        match self.children.as_slice() {
            [] => Some(Content::Nothing),
            [Node::Text(text)] => Some(Content::Text(text)),
            [Node::Value(number)] => Some(Content::Value(*number)),
            nodes => nodes.iter().map(Node::element).collect::<Option<_>>().map(Content::Elements),
        }
    }

    /// The attributes, each of one part.
    fn attributes(&self) -> impl Iterator<Item = Option<(&str, Source)>> {
        // One without content is not there.
        self.attributes.iter().filter(|(_, nodes)| !nodes.is_empty()).map(|(name, nodes)| {
            match nodes.as_slice() {
                [Node::Text(text)] => Some((name.as_str(), Source::Text(text.clone()))),
                [Node::Value(number)] => Some((name.as_str(), Source::Value(*number))),
                _ => None,
            }
        })
    }

    fn attribute(&self, wanted: &str) -> Option<&[Node]> {
        self.attributes.iter().find(|(name, _)| name == wanted).map(|(_, nodes)| nodes.as_slice())
    }
}

impl Node {
    fn element(&self) -> Option<&Element> {
        if let Self::Element(element) = self { Some(element) } else { None }
    }
}

/// Puts together the tree of a definition.
#[derive(Debug, Default)]
pub(super) struct Tree {
    open: Vec<Element>,
    in_attribute: bool,
    root: Option<Element>,
}

impl Sink for Tree {
    fn open(&mut self, name: &str, dependency: Option<u16>) {
        self.open.push(Element { name: name.to_owned(), dependency, ..Element::default() });
        self.in_attribute = false;
    }

    fn attribute(&mut self, name: &str) {
        if let Some(element) = self.open.last_mut() {
            element.attributes.push((name.to_owned(), Vec::new()));
            self.in_attribute = true;
        }
    }

    fn inside(&mut self) {
        self.in_attribute = false;
    }

    fn text(&mut self, text: &str) {
        self.push(Node::Text(text.to_owned()));
    }

    fn value(&mut self, number: u16) {
        self.push(Node::Value(number));
    }

    fn close(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }
}

impl Tree {
    fn push(&mut self, node: Node) {
        let Some(element) = self.open.last_mut() else { return };
        match element.attributes.last_mut().filter(|_| self.in_attribute) {
            Some((_, nodes)) => nodes.push(node),
            None => element.children.push(node),
        }
    }

    /// The layout of a record's own template.
    pub(super) fn event(self) -> Option<Layout> {
        let root = self.root.filter(|root| root.name == "Event" && root.dependency.is_none())?;
        let mut layout = Layout { root: root.name.clone(), ..Layout::default() };
        // What the attributes say (the namespace) is no field.
        root.attributes().all(|one| matches!(one, Some((_, Source::Text(_))))).then_some(())?;
        let (last, before) = root.children.split_last()?;
        for node in before.iter().chain(Some(last).filter(|node| node.element().is_some())) {
            let element = node.element()?;
            match element.name.as_str() {
                "System" => layout.system(element)?,
                _ => layout.part(element)?,
            }
            layout.once(&element.name)?;
        }
        match last {
            Node::Value(number) => layout.inner = Some(*number),
            Node::Element(_) => {}
            Node::Text(_) => return None,
        }
        Some(layout)
    }

    /// The layout of a template within a record: `EventData`, `UserData`.
    pub(super) fn part(self) -> Option<Layout> {
        let root = self.root?;
        let mut layout = Layout { root: root.name.clone(), ..Layout::default() };
        layout.part(&root)?;
        Some(layout)
    }
}

/// The children of these are fields by the name that they carry.
fn is_container(name: &str) -> bool {
    matches!(name, "EventData" | "UserData")
}

impl Layout {
    /// Notes a name that may stand here once only: a second one would be renamed.
    fn once(&mut self, name: &str) -> Option<()> {
        if self.beside.iter().any(|other| other == name) {
            return None;
        }
        self.beside.push(name.to_owned());
        Some(())
    }

    fn push(&mut self, name: &str, role: Role, source: Source, empty: Empty, needs: Option<u16>) {
        let (name, column) = (name.to_owned(), Cell::new(self.fields.len()));
        let head = HEADS.iter().position(|head| *head == name);
        self.fields.push(Field { name, role, source, empty, needs, spreads: false, column, head });
    }

    fn system(&mut self, system: &Element) -> Option<()> {
        if !system.attributes.is_empty() || system.dependency.is_some() {
            return None;
        }
        let children: Vec<&Element> =
            system.children.iter().map(Node::element).collect::<Option<_>>()?;
        for (at, child) in children.iter().enumerate() {
            let twice = children.iter().take(at).any(|other| other.name == child.name);
            if twice || child.name.ends_with("_attributes") {
                return None;
            }
            for attribute in child.attributes() {
                let (name, source) = attribute?;
                if let Some(name) = system_attribute(&child.name, name) {
                    self.push(name, Role::System, source, Empty::Nothing, child.dependency);
                } else if matches!(name, "Value") {
                    return None; // is read as the element's own text
                }
            }
            let source = match child.content()? {
                Content::Nothing => continue,
                Content::Text(text) => Source::Text(text.to_owned()),
                Content::Value(number) => Source::Value(number),
                Content::Elements(_) => return None,
            };
            self.push(&child.name, Role::System, source, Empty::Nothing, child.dependency);
        }
        Some(())
    }

    /// A part of the event beside `System`.
    fn part(&mut self, part: &Element) -> Option<()> {
        let refused = matches!(part.name.as_str(), "System" | "RenderingInfo");
        if refused || part.dependency.is_some() || part.name.ends_with("_attributes") {
            return None;
        }
        part.attributes().all(|one| matches!(one, Some((_, Source::Text(_))))).then_some(())?;
        match part.content()? {
            Content::Nothing => Some(()),
            Content::Elements(children) => self.children(part, &children),
            Content::Text(_) | Content::Value(_) => None,
        }
    }

    fn children(&mut self, parent: &Element, children: &[&Element]) -> Option<()> {
        let data = |child: &&&Element| is_container(&parent.name) && child.name == "Data";
        let named = children.iter().filter(data).any(|child| child.attribute("Name").is_some_and(|name| !name.is_empty()));
        let mut names: Vec<&str> = Vec::new();
        let lone = children.iter().filter(data).count() == 1;
        let mut listed = false;
        for child in children {
            if child.dependency.is_some() {
                return None;
            }
            if !data(&child) {
                let twice = children.iter().filter(|other| !data(other) && other.name == child.name).count();
                if twice != 1 {
                    return None; // the second is renamed
                }
                self.child(child)?;
                continue;
            }
            child.attributes().all(|one| one.is_some()).then_some(())?;
            let name = match child.attribute("Name").unwrap_or_default() {
                [] if named => continue,
                [] => DATA,
                [Node::Text(name)] => name.as_str(),
                _ => return None,
            };
            if named && (name.starts_with(['@', '#']) || names.contains(&name)) {
                return None;
            }
            names.push(name);
            // The list is written where its first element stands: what stands between would change places.
            listed |= !named;
            let source = match child.content()? {
                Content::Nothing => Source::Text(String::new()),
                Content::Text(text) => Source::Text(text.to_owned()),
                Content::Value(number) => Source::Value(number),
                Content::Elements(_) => return None,
            };
            self.push(name, Role::Data, source, Empty::Field, None);
            if let Some(field) = self.fields.last_mut() {
                field.spreads = !named && lone;
            }
        }
        let only_data = children.iter().all(|child| data(&child));
        (!listed || only_data).then_some(())
    }

    /// An element of the payload: a field, or more of them.
    fn child(&mut self, child: &Element) -> Option<()> {
        let mut fixed = false;
        let mut values = Vec::new();
        for attribute in child.attributes() {
            match attribute? {
                (_, Source::Text(_)) => fixed = true,
                (_, Source::Value(number)) => values.push(number),
            }
        }
        // An element with attributes and nothing else is no field.
        let empty = if fixed {
            Empty::Nothing
        } else if values.is_empty() {
            Empty::Field
        } else {
            Empty::FieldUnless(values)
        };
        let source = match child.content()? {
            Content::Nothing => Source::Text(String::new()),
            Content::Text(text) => Source::Text(text.to_owned()),
            Content::Value(_) if is_container(&child.name) => return None,
            Content::Value(number) => Source::Value(number),
            Content::Elements(children) => return self.children(child, &children),
        };
        self.push(&child.name, Role::Data, source, empty, None);
        Some(())
    }
}
