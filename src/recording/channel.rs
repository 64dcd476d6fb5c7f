//! Names of channels: which ring, and what of it.

use std::sync::Arc;

use crate::observe::model::RingSnapshot;

/// What a channel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Content {
    /// What the ring is at one instant.
    State,
    /// What happens to it.
    Events,
    /// What goes through it.
    Messages,
    /// Its memory.
    Pages,
    /// What is in its messages.
    Decoded,
}

impl Content {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::State,
        Self::Events,
        Self::Messages,
        Self::Pages,
        Self::Decoded,
    ];

    /// Whether there is so much of it that it is kept apart from states and events.
    #[must_use]
    pub fn is_bulk(self) -> bool {
        matches!(self, Self::Messages | Self::Pages | Self::Decoded)
    }

    /// The last part of the channel's name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Events => "events",
            Self::Messages => "messages",
            Self::Pages => "pages",
            Self::Decoded => "decoded",
        }
    }

    /// How its messages are encoded.
    #[must_use]
    pub fn encoding(self) -> &'static str {
        match self {
            Self::State | Self::Events | Self::Decoded => "json",
            Self::Messages => "zbq",
            Self::Pages => "zbq-pages",
        }
    }
}

/// What a ring is called in a recording: the same for as long as it is the same ring.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingName(Arc<str>);

impl RingName {
    /// That of a ring: the producer's command, the ring's id, and the inode of its control region: another ring may come to have
    /// the id.
    #[must_use]
    pub fn of(ring: &RingSnapshot) -> Self {
        let command = ring.producer.command.as_deref().unwrap_or("ring");
        let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '-');
        let name = format!("{command}-{}-{}", ring.id, ring.ctrl_inode);
        Self(name.replace(|one| !plain(one), "-").into())
    }

    /// The ring and the content of the channel with this name and encoding; `None` where it is none of ours.
    #[must_use]
    pub fn parse(topic: &str, encoding: &str) -> Option<(Self, Content)> {
        let (name, word) = topic.strip_prefix("zbq/")?.rsplit_once('/')?;
        let content = Content::ALL.into_iter().find(|one| one.word() == word)?;
        (content.encoding() == encoding && !name.is_empty()).then(|| (Self(name.into()), content))
    }

    /// The name of its channel with this content.
    #[must_use]
    pub fn topic(&self, content: Content) -> String {
        format!("zbq/{}/{}", self.0, content.word())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_read_back_and_foreign_ones_are_not_ours() {
        let name = RingName("feed-12-4".into());
        for content in Content::ALL {
            let read = RingName::parse(&name.topic(content), content.encoding());
            assert_eq!(read, Some((name.clone(), content)));
        }
        for (topic, encoding) in [
            ("zbq/a/state", "cbor"),
            ("zbq/a/other", "json"),
            ("zbq//state", "json"),
            ("zbq/state", "json"),
            ("camera/a/state", "json"),
            ("", ""),
        ] {
            assert_eq!(RingName::parse(topic, encoding), None, "{topic}");
        }
    }
}
