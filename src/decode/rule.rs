//! Which rings are decoded how.

use std::sync::Arc;

use super::spec::DecodeSpec;
use super::time_field::TimeField;

/// How the payloads of rings are decoded: of these rules the first that is for a ring counts.
pub type DecodeRules = Arc<[DecodeRule]>;

/// How the payloads of some rings are decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeRule {
    /// Rings with this socket; none: whichever.
    pub socket: Option<String>,
    /// Rings whose producer has this name; none: whichever.
    pub command: Option<String>,
    /// How.
    pub spec: DecodeSpec,
    /// What of that tells when a message was made.
    pub time_field: Option<TimeField>,
}

impl DecodeRule {
    /// All rings.
    #[must_use]
    pub fn of_all(spec: DecodeSpec, time_field: Option<TimeField>) -> Self {
        Self {
            socket: None,
            command: None,
            spec,
            time_field,
        }
    }

    /// Whether it is for a ring with this producer and these sockets.
    #[must_use]
    pub fn is_for(&self, command: Option<&str>, sockets: &[String]) -> bool {
        let is_command = |wanted: &String| command == Some(wanted);
        self.socket
            .as_ref()
            .is_none_or(|socket| sockets.contains(socket))
            && self.command.as_ref().is_none_or(is_command)
    }
}

/// The first rule for a ring.
#[must_use]
pub fn rule_for<'a>(
    rules: &'a [DecodeRule],
    command: Option<&str>,
    sockets: &[String],
) -> Option<&'a DecodeRule> {
    rules.iter().find(|rule| rule.is_for(command, sockets))
}
