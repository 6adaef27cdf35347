//! *Backup and restore* of `docs/runbook.md`: its commands, as they stand there, against a real process.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use ulid::Ulid;

use crate::support::app::{ENCRYPTION_KEYS, SHOP};
use crate::support::command::CommandLine;
use crate::support::port::free_port;
use crate::support::wait::until;

const RUNBOOK: &str = include_str!("../../docs/runbook.md");
const API_KEY: &str = "the-subtotal-api-key-of-the-shop";

/// What `systemctl` does for the drill.
const SYSTEMCTL: &str = "#!/bin/sh
runs() { kill -0 \"$1\" 2>/dev/null && ! grep -qs '^State:.Z' \"/proc/$1/status\"; }
case \"$*\" in
'start subtotal-connect')
    subtotal-connect serve >>serve.log 2>&1 &
    echo $! >serve.pid ;;
'stop subtotal-connect')
    kill -TERM \"$(cat serve.pid)\"
    while runs \"$(cat serve.pid)\"; do sleep 0.05; done ;;
*) exit 1 ;;
esac
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

/// The preparation, and the commands of a part, in their order.
fn commands(part: &str) -> Vec<&'static str> {
    let section = RUNBOOK.split_once("\n## Backup and restore\n").unwrap().1.split("\n## ").next().unwrap();
    let (first, rest) = section.split_once("\n### ").unwrap();
    let part = rest.split("\n### ").find(|text| text.trim_start_matches("### ").starts_with(part)).unwrap();
    let blocks = |text: &'static str| text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks(first).chain(blocks(part)).collect()
}

async fn drill(part: &str, database: &str, more: &[(&str, &str)]) -> CommandLine {
    let port = free_port();
    let line = CommandLine::new::<String, String>([]);
    let folder = line.folder();
    line.write(
        ".env",
        &format!(
            "SHOPIFY_API_KEY=client-id\nSHOPIFY_API_SECRET=client-secret\nSHOPIFY_APP_URL=https://app.example.com\n\
             ENCRYPTION_KEYS={ENCRYPTION_KEYS}\nDATABASE_URL={database}\nPORT={port}\n\
             SUBTOTAL_API_URL=http://127.0.0.1:1\nSHOPIFY_ADMIN_URL=http://127.0.0.1:1\n"
        ),
    );
    line.run_with_input(&["shop", "set", SHOP, "--api-key-stdin"], API_KEY.as_bytes()).done();
    let before = line.run(&["shop", "show", SHOP, "--json"]).json();
    for made in ["bin", "backups"] {
        fs::create_dir(folder.join(made)).unwrap();
    }
    line.write("bin/systemctl", SYSTEMCTL);
    fs::set_permissions(folder.join("bin/systemctl"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink(env!("CARGO_BIN_EXE_subtotal-connect"), folder.join("bin/subtotal-connect")).unwrap();
    let blocks = commands(part);
    let [prepare, copy, restore] = blocks[..] else { panic!("the drill is not where it is looked for: {blocks:?}") };
    let lost = format!("subtotal-connect shop remove {SHOP}\n! subtotal-connect shop show {SHOP} || exit 9\n");
    let script =
        format!("set -euo pipefail\nset -x\nsystemctl start subtotal-connect\n{prepare}ready\n{copy}{lost}{restore}");
    line.write("drill.sh", &script);
    let served = Served(folder);
    let output = |name: &str| Stdio::from(fs::File::create(folder.join(name)).unwrap());
    let mut drill = Command::new("bash")
        .arg("drill.sh")
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", format!("{}/bin:/usr/local/bin:/usr/bin:/bin", folder.display()))])
        .envs([
            ("SERVICE", format!("http://127.0.0.1:{port}")),
            ("BACKUPS", folder.join("backups").display().to_string()),
        ])
        .envs(more.iter().copied())
        .stdin(Stdio::null())
        .stdout(output("drill.out"))
        .stderr(output("drill.err"))
        .spawn()
        .unwrap();
    let mut status = None;
    until(Duration::from_secs(120), "the drill ends", async || {
        status = drill.try_wait().unwrap();
        status.is_some()
    })
    .await;
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let (said, traced, log) = (read("drill.out"), read("drill.err"), read("serve.log"));
    assert!(status.unwrap().success(), "{said}\n{traced}\n{log}");
    drop(served);
    assert_eq!(line.run(&["shop", "show", SHOP, "--json"]).json(), before);
    assert!(line.run(&["audit", "verify"]).done().contains(SHOP));
    for copy in fs::read_dir(folder.join("backups")).unwrap() {
        let mode = copy.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read a copy");
    }
    for secret in [API_KEY, ENCRYPTION_KEYS] {
        assert!(!said.contains(secret) && !log.contains(secret), "{secret} was shown");
    }
    line
}

#[actix_web::test]
async fn the_runbooks_backup_and_restore_of_sqlite_does_what_it_says() {
    let line = drill("SQLite", "sqlite://drill.db?mode=rwc", &[]).await;
    assert!(line.files().iter().any(|name| name.starts_with("drill.db.before-restore-")), "{:?}", line.files());
}

#[actix_web::test]
#[expect(clippy::disallowed_methods, reason = "the suite is told where PostgreSQL is")]
async fn the_runbooks_backup_and_restore_of_postgresql_does_what_it_says() {
    let Some(server) = std::env::var("TEST_DATABASE_URL").ok().filter(|url| url.starts_with("postgres")) else {
        return;
    };
    let name = format!("drill_{}", Ulid::generate().to_string().to_lowercase());
    let restored = format!("{name}_restored");
    let db = Database::connect(&server).await.unwrap();
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(&name);
    let line = drill("PostgreSQL", url.as_str(), &[("RESTORED", &restored)]).await;
    let settings = fs::read_to_string(line.folder().join(".env")).unwrap();
    assert!(settings.contains(&format!("/{restored}\n")) && settings.lines().count() == 8, "{settings}");
    for made in [&name, &restored] {
        db.execute_unprepared(&format!("DROP DATABASE {made} WITH (FORCE)")).await.unwrap();
    }
}
