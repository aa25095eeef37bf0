//! One client of the SSH server: who it is, its channels, and what is typed in each.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session as Wire, VerifiedPublicKey};
use russh::{Channel, ChannelId, Pty};

use super::console::Console;
use super::key::Key;
use super::line::{Line, Typed};
use crate::lab::world::{Cause, World};

/// The server's side of a connection.
pub(super) struct Session {
    user: String,
    authorized: Key,
    console: Arc<dyn Console>,
    channels: BTreeMap<ChannelId, Terminal>,
    world: Arc<World>,
    /// The client waits: to be let in, and for each channel.
    asked: BTreeMap<Option<ChannelId>, Box<dyn Any + Send + Sync>>,
}

/// A channel: with a terminal, or as a plain stream.
#[derive(Debug, Default)]
struct Terminal {
    pty: bool,
    shell: bool,
    configuring: bool,
    line: Line,
}

impl Session {
    pub(super) fn new(
        user: &str,
        authorized: &Key,
        console: Arc<dyn Console>,
        world: Arc<World>,
        asked: Box<dyn Any + Send + Sync>,
    ) -> Self {
        let asked = BTreeMap::from([(None, asked)]);
        Self { user: user.into(), authorized: authorized.clone(), console, channels: BTreeMap::new(), world, asked }
    }

    /// As long as the world has it so, no command ends.
    async fn wait_while_stuck(&self) {
        let mut changes = self.world.subscribe();
        while self.world.has(&Cause::Stuck) && changes.changed().await.is_ok() {}
    }

    fn judge(&self, user: &str, key: &russh::keys::PublicKey) -> Auth {
        if user == self.user && self.authorized.fits(key) { Auth::Accept } else { Auth::reject() }
    }

    /// What one byte leads to: what is shown, and whether the session is over.
    fn typed(&mut self, channel: ChannelId, byte: u8) -> (String, bool) {
        let Some(terminal) = self.channels.get_mut(&channel).filter(|terminal| terminal.shell) else {
            return (String::new(), false);
        };
        let Some(typed) = terminal.line.take(byte) else { return (String::new(), false) };
        let echo = terminal.pty;
        let shown = match typed {
            Typed::Echo(bytes) => {
                return (if echo { String::from_utf8_lossy(&bytes).into() } else { String::new() }, false);
            }
            Typed::Line(line) => {
                let reply = self.console.answer(&line, terminal.configuring);
                terminal.configuring = reply.configuring;
                let break_ = if echo { "\n" } else { "" };
                if reply.over {
                    return (format!("{break_}{}", reply.text), true);
                }
                format!("{break_}{}", reply.text)
            }
            Typed::Help(so_far) => {
                let listed: String =
                    suggestions(&*self.console, &so_far).iter().map(|word| format!("  {word}\n")).collect();
                let listed = if listed.is_empty() { "% There is no matched command.\n".into() } else { listed };
                let prompt = self.console.prompt(terminal.configuring);
                return (format!("\n{listed}{prompt}{so_far}"), false);
            }
            Typed::Complete(so_far) => {
                let words = suggestions(&*self.console, &so_far);
                let last = so_far.rsplit(' ').next().unwrap_or_default();
                let [word] = words.as_slice() else { return (String::new(), false) };
                let Some(rest) = word.strip_prefix(last) else { return (String::new(), false) };
                let rest = format!("{rest} ");
                terminal.line.add(&rest);
                return (rest, false);
            }
            Typed::Interrupted => "^C\n".into(),
            Typed::End => return ("\n".into(), true),
        };
        (shown + self.console.prompt(terminal.configuring).as_str(), false)
    }

    fn show(&self, channel: ChannelId, text: &str, wire: &mut Wire) -> Result<(), russh::Error> {
        if text.is_empty() {
            return Ok(());
        }
        let pty = self.channels.get(&channel).is_some_and(|terminal| terminal.pty);
        let text = if pty { text.replace('\n', "\r\n") } else { text.to_string() };
        wire.data(channel, text.into_bytes())
    }

    fn close(&mut self, channel: ChannelId, code: u32, wire: &mut Wire) -> Result<(), russh::Error> {
        self.channels.remove(&channel);
        self.asked.remove(&Some(channel));
        wire.exit_status_request(channel, code)?;
        wire.eof(channel)?;
        wire.close(channel)
    }
}

/// The words that the one that is being typed could become, or that could come after the last.
fn suggestions(console: &dyn Console, so_far: &str) -> Vec<String> {
    let mut words: Vec<&str> = so_far.split_whitespace().collect();
    let begun = if so_far.ends_with(' ') { None } else { words.pop() };
    let mut next = console.next_words(&words);
    next.retain(|word| begun.is_none_or(|begun| word.starts_with(begun)));
    next
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        let judged = self.judge(user, key.public_key);
        self.asked.remove(&None);
        Ok(judged)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Wire,
    ) -> Result<(), russh::Error> {
        self.channels.insert(channel.id(), Terminal::default());
        self.asked.insert(Some(channel.id()), self.world.clock.asked());
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        wire: &mut Wire,
    ) -> Result<(), russh::Error> {
        self.channels.entry(channel).or_default().pty = true;
        wire.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, wire: &mut Wire) -> Result<(), russh::Error> {
        self.channels.entry(channel).or_default().shell = true;
        wire.channel_success(channel)?;
        let begin = format!("{}{}", self.console.greeting(), self.console.prompt(false));
        self.show(channel, &begin, wire)
    }

    async fn exec_request(&mut self, channel: ChannelId, data: &[u8], wire: &mut Wire) -> Result<(), russh::Error> {
        wire.channel_success(channel)?;
        self.wait_while_stuck().await;
        let reply = self.console.answer(&String::from_utf8_lossy(data), false);
        self.show(channel, &reply.text, wire)?;
        self.close(channel, reply.code, wire)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], wire: &mut Wire) -> Result<(), russh::Error> {
        self.wait_while_stuck().await;
        let mut shown = String::new();
        for byte in data {
            let (text, over) = self.typed(channel, *byte);
            shown.push_str(&text);
            if over {
                self.show(channel, &shown, wire)?;
                return self.close(channel, 0, wire);
            }
        }
        self.show(channel, &shown, wire)
    }

    async fn channel_eof(&mut self, channel: ChannelId, wire: &mut Wire) -> Result<(), russh::Error> {
        match self.channels.get(&channel) {
            Some(terminal) if terminal.shell => {
                let text = if terminal.pty { "" } else { "\n" };
                self.show(channel, text, wire)?;
                self.close(channel, 0, wire)
            }
            _ => Ok(()),
        }
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Wire) -> Result<(), russh::Error> {
        self.channels.remove(&channel);
        self.asked.remove(&Some(channel));
        Ok(())
    }
}
