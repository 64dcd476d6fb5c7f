//! Which rings are decoded how.

use super::spec::DecodeSpec;

/// How the payloads of some rings are decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeRule {
    /// Rings with this socket; none: whichever.
    pub socket: Option<String>,
    /// Rings whose producer has this name; none: whichever.
    pub command: Option<String>,
    /// How.
    pub spec: DecodeSpec,
}

impl DecodeRule {
    /// All rings.
    #[must_use]
    pub fn of_all(spec: DecodeSpec) -> Self {
        Self {
            socket: None,
            command: None,
            spec,
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
pub fn spec_for<'a>(
    rules: &'a [DecodeRule],
    command: Option<&str>,
    sockets: &[String],
) -> Option<&'a DecodeSpec> {
    let mut rules = rules.iter();
    let rule = rules.find(|rule| rule.is_for(command, sockets))?;
    Some(&rule.spec)
}
