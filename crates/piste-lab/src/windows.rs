//! Windows events as flat JSON lines, in the shape in which `NXLog` and Security-Datasets write them.
//!
//! In: a provider, an event id, fields in their order and a message. Out: one line. All values are text, but for the
//! event id; there is no record id, so that the line's number is the record. Messages have the event's own part without
//! the paragraphs of explanation that Windows appends to some of them.

use crate::moment::Moment;
use crate::scenario::Source;

/// A provider and the channel that it writes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) guid: Option<&'static str>,
    pub(crate) channel: &'static str,
    pub(crate) source: Source,
    pub(crate) keywords: &'static str,
}

/// Security's own provider.
pub(crate) const AUDITING: Provider = Provider {
    name: "Microsoft-Windows-Security-Auditing",
    guid: Some("{54849625-5478-4994-A5BA-3E3B0328C30D}"),
    channel: "Security",
    source: Source::Security,
    keywords: "0x8020000000000000",
};
pub(crate) const SYSMON: Provider = Provider {
    name: "Microsoft-Windows-Sysmon",
    guid: Some("{5770385F-C22A-43E0-BF4C-06F5698FFBD9}"),
    channel: "Microsoft-Windows-Sysmon/Operational",
    source: Source::Sysmon,
    keywords: "0x8000000000000000",
};
pub(crate) const SERVICES: Provider = Provider {
    name: "Service Control Manager",
    guid: Some("{555908d1-a6d7-4695-8e1e-26931d2012f4}"),
    channel: "System",
    source: Source::System,
    keywords: "0x8080000000000000",
};
pub(crate) const EVENT_LOG: Provider = Provider {
    name: "EventLog",
    guid: None,
    channel: "System",
    source: Source::System,
    keywords: "0x80000000000000",
};
pub(crate) const UPDATES: Provider = Provider {
    name: "Microsoft-Windows-WindowsUpdateClient",
    guid: Some("{945A8954-C147-4ACD-923F-40C45405A658}"),
    channel: "System",
    source: Source::System,
    keywords: "0x8000000000000018",
};
pub(crate) const POLICY: Provider = Provider {
    name: "SceCli",
    guid: None,
    channel: "Application",
    source: Source::Application,
    keywords: "0x80000000000000",
};
pub(crate) const CONTROL_PANEL: Provider = Provider {
    name: "MSExchange Control Panel",
    guid: None,
    channel: "Application",
    source: Source::Application,
    keywords: "0x80000000000000",
};
pub(crate) const CMDLETS: Provider = Provider {
    name: "MSExchange CmdletLogs",
    guid: None,
    channel: "MSExchange Management",
    source: Source::Management,
    keywords: "0x80000000000000",
};

/// A field: its name and value.
pub(crate) type Field = (&'static str, String);

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) provider: Provider,
    pub(crate) id: u16,
    pub(crate) level: u8,
    pub(crate) task: u16,
    /// In place of the provider's, as for a failed logon.
    pub(crate) keywords: Option<&'static str>,
    pub(crate) time: Moment,
    pub(crate) message: String,
    pub(crate) fields: Vec<Field>,
}

impl Event {
    /// The event as its line, without the newline.
    pub(crate) fn line(&self, computer: &str) -> String {
        let mut out = Members(String::with_capacity(self.message.len() * 2 + 600));
        let time = self.time.rfc3339();
        out.text("SourceName", self.provider.name);
        if let Some(guid) = self.provider.guid {
            out.text("ProviderGuid", guid);
        }
        out.text("Level", &self.level.to_string());
        out.text("Keywords", self.keywords.unwrap_or(self.provider.keywords));
        out.text("Channel", self.provider.channel);
        out.text("Hostname", computer);
        out.text("TimeCreated", &time);
        out.text("@timestamp", &time);
        out.raw("EventID", &self.id.to_string());
        out.text("Message", &self.message);
        out.text("Task", &self.task.to_string());
        for (name, value) in &self.fields {
            out.text(name, value);
        }
        out.finish()
    }
}

/// Members of a JSON object, in the order in which they are given.
struct Members(String);

impl Members {
    fn raw(&mut self, name: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name); // names are constants without quotes
        self.0.push_str("\":");
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, value: &str) {
        let json = serde_json::Value::from(value).to_string();
        self.raw(name, &json);
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Lines of a message's section as Windows sets them: values at column 32, by tabs.
pub(crate) fn section(title: &str, rows: &[(&str, &str)]) -> String {
    let mut text = format!("\r\n\r\n{title}:");
    for (label, value) in rows {
        let end = 8 + label.len() + 1; // after one tab, the label and its colon
        let tabs = if end >= 32 { 1 } else { (32 - end).div_ceil(8) };
        for part in ["\r\n\t", label, ":", &"\t".repeat(tabs), value] {
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;

    #[test]
    fn a_line_has_the_shape_of_the_exporter() {
        let event = Event {
            provider: SERVICES,
            id: 7036,
            level: 4,
            task: 0,
            keywords: None,
            time: Moment::midnight(Date::constant(2021, 3, 1)).plus_ms(1),
            message: "The \"X\" service\r\nran.".to_owned(),
            fields: vec![("param1", "C:\\x".to_owned())],
        };
        insta::assert_snapshot!(event.line("DC01.min.example"), @r#"{"SourceName":"Service Control Manager","ProviderGuid":"{555908d1-a6d7-4695-8e1e-26931d2012f4}","Level":"4","Keywords":"0x8080000000000000","Channel":"System","Hostname":"DC01.min.example","TimeCreated":"2021-03-01T00:00:00.001Z","@timestamp":"2021-03-01T00:00:00.001Z","EventID":7036,"Message":"The \"X\" service\r\nran.","Task":"0","param1":"C:\\x"}"#);
    }

    #[test]
    fn sections_put_values_at_one_column() {
        assert_eq!(
            section(
                "Subject",
                &[("Security ID", "S-1-0-0"), ("Port", "-"), ("Package Name (NTLM only)", "-")]
            ),
            "\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-0-0\r\n\tPort:\t\t\t-\r\n\tPackage Name (NTLM only):\t-"
        );
    }
}
