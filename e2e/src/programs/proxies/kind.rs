//! The proxies, and their configuration as `docs/forward-auth` has it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::scratch::Scratch;
use crate::failure::{Outcome, ensure};
use crate::tools;

/// A reverse proxy that nobody of us wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    Caddy,
    Traefik,
    Envoy,
}

/// Who listens where on this machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// The host of the app, without its port.
    pub(crate) host: &'static str,
    pub(crate) proxy: u16,
    pub(crate) nightlatch: u16,
    pub(crate) app: u16,
}

impl Kind {
    /// What it answers, of itself, while we cannot be asked.
    pub(super) const fn unavailable(self) -> u16 {
        match self {
            Self::Nginx | Self::Envoy => 503,
            Self::Caddy => 502,
            Self::Traefik => 500,
        }
    }

    /// What it answers, of itself, when we take a question and never answer it.
    pub(super) const fn unanswered(self) -> u16 {
        match self {
            Self::Nginx | Self::Envoy => 503,
            Self::Caddy => 504,
            Self::Traefik => 500,
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Nginx => "nginx.conf",
            Self::Caddy => "Caddyfile",
            Self::Traefik => "traefik-dynamic.yaml",
            Self::Envoy => "envoy.yaml",
        }
    }

    /// Whoever copies the file replaces the same words. The first ones win: a host with a port, and without TLS, is
    /// written differently in some places.
    fn words(self, ports: Ports) -> Vec<(&'static str, String)> {
        let Ports {
            host: name,
            proxy,
            nightlatch,
            app,
        } = ports;
        let host = format!("{name}:{proxy}");
        let upstreams = [
            ("127.0.0.1:8080", format!("127.0.0.1:{nightlatch}")),
            ("127.0.0.1:3000", format!("127.0.0.1:{app}")),
        ];
        let own = match self {
            Self::Nginx => vec![
                ("listen 443 ssl;", format!("listen 127.0.0.1:{proxy};")),
                (
                    "server_name wiki.example.com",
                    format!("server_name {name}"),
                ),
                ("https://wiki.example.com", format!("http://{host}")),
                ("wiki.example.com", host),
            ],
            Self::Caddy => vec![("\nwiki.example.com {", format!("\nhttp://{host} {{"))],
            Self::Traefik => vec![("wiki.example.com", name.to_owned())],
            Self::Envoy => {
                let at = |port: u16| format!("address: 127.0.0.1, port_value: {port} }}");
                return vec![
                    ("[\"wiki.example.com\"]", format!("[\"{host}\"]")),
                    ("address: 0.0.0.0, port_value: 443 }", at(proxy)),
                    ("address: 127.0.0.1, port_value: 8080 }", at(nightlatch)),
                    ("address: 127.0.0.1, port_value: 3000 }", at(app)),
                ];
            }
        };
        own.into_iter().chain(upstreams).collect()
    }

    fn configuration(self, ports: Ports) -> Outcome<String> {
        let path = tools::workspace()
            .join("../docs/forward-auth")
            .join(self.file());
        let mut text = std::fs::read_to_string(path)?;
        for (word, replacement) in self.words(ports) {
            ensure(text.contains(word), || {
                format!("{} has no “{word}” any more", self.file())
            })?;
            text = text.replace(word, &replacement);
        }
        Ok(text)
    }

    /// The proxy with that configuration, and with what keeps it from touching anything else on this machine.
    pub(crate) fn command(self, scratch: &Scratch, ports: Ports) -> Outcome<Command> {
        let directory = scratch.path().join("proxy");
        std::fs::create_dir(&directory)?;
        let file = directory.join(self.file());
        std::fs::write(&file, self.configuration(ports)?)?;
        let mut command = match self {
            Self::Nginx => nginx(&directory, &file)?,
            Self::Caddy => caddy(&directory, &file)?,
            Self::Traefik => {
                let mut command = Command::new(of_wheel("traefik"));
                command
                    .arg(format!(
                        "--entryPoints.websecure.address=127.0.0.1:{}",
                        ports.proxy
                    ))
                    .arg(format!("--providers.file.filename={}", file.display()))
                    .arg("--global.checkNewVersion=false")
                    .arg("--global.sendAnonymousUsage=false");
                command
            }
            Self::Envoy => {
                let mut command = Command::new(of_wheel("envoy"));
                command
                    .arg("--config-path")
                    .arg(&file)
                    .args(["--disable-hot-restart", "--concurrency", "1"])
                    .args(["--log-level", "warning"]);
                command
            }
        };
        command.current_dir(&directory);
        Ok(command)
    }
}

fn of_wheel(name: &str) -> PathBuf {
    tools::tools().join("clients/proxies/bin").join(name)
}

fn nginx(directory: &Path, file: &Path) -> Outcome<Command> {
    let main = directory.join("main.conf");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {}/{name};\n", directory.display()))
        .concat();
    // One process, so that ending it ends all of it.
    let text = format!(
        "daemon off;\nmaster_process off;\npid {}/pid;\nerror_log stderr;\nevents {{ worker_connections 16384; }}\n\
         http {{\n    access_log off;\n{temporary}    include {};\n}}\n",
        directory.display(),
        file.display()
    );
    std::fs::write(&main, text)?;
    let mut command = Command::new("/usr/sbin/nginx");
    command
        .args(["-e", "stderr", "-p"])
        .arg(directory)
        .arg("-c")
        .arg(main);
    Ok(command)
}

fn caddy(directory: &Path, file: &Path) -> Outcome<Command> {
    let main = directory.join("main");
    let text = format!(
        "{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}}\n\nimport {}\n",
        file.display()
    );
    std::fs::write(&main, text)?;
    let mut command = Command::new(tools::program(&["caddy"])?);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(main)
        .env("HOME", directory)
        .env("XDG_DATA_HOME", directory)
        .env("XDG_CONFIG_HOME", directory);
    Ok(command)
}
