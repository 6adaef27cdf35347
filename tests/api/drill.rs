//! The drill of `docs/runbook.md`: its commands, as they stand there, against a real process.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::app::{ENCRYPTION_KEYS, SHOP};
use crate::support::command::CommandLine;
use crate::support::database::TestDatabase;
use crate::support::port::free_port;
use crate::support::wait::until;

const RUNBOOK: &str = include_str!("../../docs/runbook.md");
const SECTION: &str = "## Rotating keys and secrets\n";
const OLD_CLIENT_SECRET: &str = "the-old-client-secret";
const NEW_CLIENT_SECRET: &str = "the-new-client-secret";
const OLD_WEBHOOK_SECRET: &str = "the-old-webhook-secret";
const NEW_WEBHOOK_SECRET: &str = "the-new-webhook-secret";
const API_KEY: &str = "the-subtotal-api-key-of-the-shop";

/// What `systemctl restart` does for the drill: it ends the process that serves, and starts it anew.
const SYSTEMCTL: &str = "#!/bin/sh
[ \"$*\" = 'restart subtotal-connect' ] || exit 1
# One that ended may stay as a zombie where nobody waits for orphans.
runs() { kill -0 \"$1\" 2>/dev/null && ! grep -qs '^State:.Z' \"/proc/$1/status\"; }
if [ -f serve.pid ]; then
    kill -TERM \"$(cat serve.pid)\"
    while runs \"$(cat serve.pid)\"; do sleep 0.05; done
fi
subtotal-connect serve >>serve.log 2>&1 &
echo $! >serve.pid
";

/// Ends what the drill left running.
struct Served<'a>(&'a Path);

impl Drop for Served<'_> {
    fn drop(&mut self) {
        if let Ok(pid) = fs::read_to_string(self.0.join("serve.pid")) {
            let _ = Command::new("kill").args(["-KILL", pid.trim()]).stderr(Stdio::null()).status();
        }
    }
}

/// The shell commands of the section, in their order.
fn commands() -> Vec<&'static str> {
    let section = RUNBOOK.split_once(SECTION).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[actix_web::test]
async fn the_runbooks_drill_of_all_three_rotations_does_what_it_says() {
    let database = TestDatabase::empty().await;
    let (port, metrics) = (free_port(), free_port());
    // Everything is in `.env`, as the runbook has it.
    let line = CommandLine::new::<String, String>([]);
    let folder = line.folder();
    line.write(
        ".env",
        &format!(
            "SHOPIFY_API_KEY=client-id\nSHOPIFY_API_SECRET={OLD_CLIENT_SECRET}\nSHOPIFY_APP_URL=https://app.example.com\n\
             ENCRYPTION_KEYS={ENCRYPTION_KEYS}\nDATABASE_URL={}\nPORT={port}\nMETRICS_ADDR=127.0.0.1:{metrics}\n\
             SUBTOTAL_API_URL=http://127.0.0.1:1\nSHOPIFY_ADMIN_URL=http://127.0.0.1:1\n",
            database.url
        ),
    );
    line.run_with_input(&["shop", "set", SHOP, "--api-key-stdin"], API_KEY.as_bytes()).done();
    line.run_with_input(&["shop", "set", SHOP, "--webhook-secret-stdin"], OLD_WEBHOOK_SECRET.as_bytes()).done();
    for (file, secret) in [
        ("new-client-secret.txt", NEW_CLIENT_SECRET),
        ("old-webhook-secret.txt", OLD_WEBHOOK_SECRET),
        ("new-webhook-secret.txt", NEW_WEBHOOK_SECRET),
    ] {
        line.write(file, &format!("{secret}\n"));
    }
    fs::create_dir(folder.join("bin")).unwrap();
    line.write("bin/systemctl", SYSTEMCTL);
    fs::set_permissions(folder.join("bin/systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink(env!("CARGO_BIN_EXE_subtotal-connect"), folder.join("bin/subtotal-connect")).unwrap();

    let blocks = commands();
    assert_eq!(blocks.len(), 10, "the drill is not where it is looked for, or grew");
    // A command that is expected to fail is followed by another one, so `!` alone would hide that it did not.
    let script = blocks.concat().replace("\n! ", "\nrefused ");
    line.write(
        "drill.sh",
        &format!("set -euo pipefail\nrefused() {{ if \"$@\"; then exit 9; fi; }}\nset -x\n{script}"),
    );
    let served = Served(folder);
    let output = |name: &str| Stdio::from(fs::File::create(folder.join(name)).unwrap());
    let mut drill = Command::new("bash")
        .arg("drill.sh")
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", format!("{}/bin:/usr/local/bin:/usr/bin:/bin", folder.display()))])
        .envs([("SHOP", SHOP.to_owned()), ("SERVICE", format!("http://127.0.0.1:{port}"))])
        .envs([("METRICS", format!("http://127.0.0.1:{metrics}/metrics"))])
        .stdin(Stdio::null())
        .stdout(output("drill.out"))
        .stderr(output("drill.err"))
        .spawn()
        .unwrap();
    let mut status = None;
    until(Duration::from_secs(180), "the drill ends", async || {
        status = drill.try_wait().unwrap();
        status.is_some()
    })
    .await;
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (said, traced, log) = (read("drill.out"), read("drill.err"), read("serve.log"));
    assert!(status.unwrap().success(), "{said}\n{traced}\n{log}");
    assert!(said.contains("sealed_values{table=\"shop_secrets\",key=\"k2\"} 2"), "{said}");
    drop(served);

    // In the end the new secrets are those that are kept, and no old one is anywhere.
    let settings = read(".env");
    assert!(settings.contains(&format!("SHOPIFY_API_SECRET={NEW_CLIENT_SECRET}\n")), "{settings}");
    assert!(settings.contains("ENCRYPTION_KEYS=k2:") && !settings.contains(ENCRYPTION_KEYS), "{settings}");
    assert_eq!(settings.lines().count(), 9, "{settings}");
    assert_eq!(line.run(&["rotate-keys", "--check", "--json"]).json()["left"], 0);
    let left = line.files();
    assert!(!left.iter().any(|name| name.ends_with(".txt") || name.ends_with(".new")), "{left:?}");
    for secret in [OLD_CLIENT_SECRET, NEW_CLIENT_SECRET, OLD_WEBHOOK_SECRET, NEW_WEBHOOK_SECRET, API_KEY] {
        assert!(!said.contains(secret) && !log.contains(secret), "{secret} was shown");
    }
    assert!(!log.contains("panicked"), "{log}");
}
