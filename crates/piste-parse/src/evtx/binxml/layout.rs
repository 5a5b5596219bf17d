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

/// Where a template's root stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// It is the event.
    Event,
    /// Beside `System`.
    Part,
    /// Within `UserData`.
    Child,
}

/// The fields of one template's records.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) fields: Vec<Field>,
    /// The value that is a fragment of its own, and where its root then stands; its fields come last.
    pub(super) inner: Option<(u16, Root)>,
    /// The record is rendered where this value is null: the whole of the template hangs on it.
    pub(super) needs: Option<u16>,
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

    /// The layout of a template whose root stands there.
    pub(super) fn layout(self, place: Root) -> Option<Layout> {
        let mut root = self.root?;
        let mut layout =
            Layout { root: root.name.clone(), needs: root.dependency.take(), ..Layout::default() };
        match place {
            Root::Event => layout.event(&root)?,
            Root::Part => layout.part(&root)?,
            Root::Child if root.name == "Data" => return None,
            Root::Child => layout.child(&root)?,
        }
        Some(layout)
    }
}

/// How the `Data` of one element are given.
struct List {
    /// By name: those without are not given.
    named: bool,
    /// All have names.
    even: bool,
    /// The only one may be a list of texts.
    spreads: bool,
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

    fn event(&mut self, event: &Element) -> Option<()> {
        // What the attributes say (the namespace) is no field.
        let plain = event.attributes().all(|one| matches!(one, Some((_, Source::Text(_)))));
        let (last, before) = event.children.split_last().filter(|_| plain && event.name == "Event")?;
        for node in before {
            self.beside_system(node.element()?)?;
        }
        match last {
            Node::Value(number) => self.inner = Some((*number, Root::Part)),
            Node::Element(element) => match element.children.as_slice() {
                [Node::Value(number)] if element.name == "UserData" => {
                    // Where the value is null the element goes with it: no field either way.
                    element.dependency.is_none_or(|needed| needed == *number).then_some(())?;
                    element.attributes.is_empty().then_some(())?;
                    self.once(&element.name)?;
                    self.inner = Some((*number, Root::Child));
                }
                _ => self.beside_system(element)?,
            },
            Node::Text(_) => return None,
        }
        Some(())
    }

    fn beside_system(&mut self, element: &Element) -> Option<()> {
        match element.name.as_str() {
            "System" => self.system(element)?,
            _ => self.part(element)?,
        }
        self.once(&element.name)
    }

    fn system(&mut self, system: &Element) -> Option<()> {
        if !system.attributes.is_empty() || system.dependency.is_some() {
            return None;
        }
        let children: Vec<&Element> = system.children.iter().map(Node::element).collect::<Option<_>>()?;
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
            Content::Elements(children) => self.children(part, &children, true),
            Content::Text(_) | Content::Value(_) => None,
        }
    }

    /// What is within an element of the payload. `top`: it is left out without a trace where nothing is left in it.
    fn children(&mut self, parent: &Element, children: &[&Element], top: bool) -> Option<()> {
        let data = |child: &Element| is_container(&parent.name) && child.name == "Data";
        let named = |child: &Element| child.attribute("Name").is_some_and(|name| !name.is_empty());
        let all_data = || children.iter().filter(|child| data(child));
        let list = List {
            named: all_data().any(|child| named(child)),
            even: all_data().all(|child| named(child)),
            spreads: all_data().count() == 1,
        };
        let mut names: Vec<&str> = Vec::new();
        for child in children {
            if child.dependency.is_some() && !top {
                return None;
            }
            let name = if data(child) { self.datum(child, &list)? } else { self.named_child(child)? };
            // The second of a name is renamed.
            if !name.is_empty() {
                (!names.contains(&name)).then_some(())?;
                names.push(name);
            }
        }
        Some(())
    }

    fn named_child<'e>(&mut self, child: &'e Element) -> Option<&'e str> {
        let first = self.fields.len();
        self.child(child)?;
        if child.dependency.is_some() {
            matches!(child.content()?, Content::Value(_) | Content::Nothing | Content::Text(_))
                .then_some(())?;
            if let Some(field) = self.fields.get_mut(first) {
                field.needs = child.dependency;
            }
        }
        Some(&child.name)
    }

    /// A `Data` of `EventData`; gives its name, empty if it has none.
    fn datum<'e>(&mut self, data: &'e Element, list: &List) -> Option<&'e str> {
        data.attributes().all(|one| one.is_some()).then_some(())?;
        // Whether they count as named may hang on which are there.
        (data.dependency.is_none() || list.even || !list.named).then_some(())?;
        let name = match data.attribute("Name").unwrap_or_default() {
            [] if list.named => return Some(""),
            [] => "",
            [Node::Text(name)] => name.as_str(),
            _ => return None,
        };
        if name.starts_with(['@', '#']) {
            return None;
        }
        let source = match data.content()? {
            Content::Nothing => Source::Text(String::new()),
            Content::Text(text) => Source::Text(text.to_owned()),
            Content::Value(number) => Source::Value(number),
            Content::Elements(_) => return None,
        };
        let column = if name.is_empty() { DATA } else { name };
        self.push(column, Role::Data, source, Empty::Field, data.dependency);
        if let Some(field) = self.fields.last_mut() {
            field.spreads = list.spreads && !list.named;
        }
        Some(name)
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
            Content::Elements(children) => return self.children(child, &children, false),
        };
        self.push(&child.name, Role::Data, source, empty, None);
        Some(())
    }
}
