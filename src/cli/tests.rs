//! The command line as clap sees it.

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("attachlink").chain(line.split_whitespace()))
}

fn refusal(line: &str) -> ErrorKind {
    match parse(line) {
        Ok(_) => panic!("accepted: {line}"),
        Err(error) => error.kind(),
    }
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_a_help_with_examples() {
    fn check(command: &mut clap::Command, path: &str) {
        let help = command.render_long_help().to_string();
        assert!(help.contains("Examples:\n  "), "{path}: {help}");
        assert!(command.get_about().is_some_and(|about| !about.to_string().is_empty()), "{path} says what it does");
        for line in help.lines() {
            assert!(line.chars().count() <= 100, "{path}: {line}");
        }
        for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name());
            check(inner, &path);
        }
    }
    let mut command = Cli::command();
    command.build();
    check(&mut command, "attachlink");
}

/// The long help of a command.
fn help_of(name: &str) -> String {
    let mut command = Cli::command();
    command.build();
    command.find_subcommand_mut(name).unwrap().render_long_help().to_string()
}

#[test]
fn the_help_of_backup_says_how_to_restore() {
    let help = help_of("backup");
    for part in ["docs/OPERATIONS.md, Restoring", "no -wal or -shm file", "attachlink recover", "refuses every link"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

#[test]
fn the_help_says_where_settings_without_a_flag_are_listed() {
    let help = Cli::command().render_help().to_string();
    assert!(help.contains("Few have a flag") && help.contains("attachlink check-config all"), "{help}");
    let help = help_of("serve");
    assert!(help.contains("Most settings have no flag: attachlink check-config lists them all"), "{help}");
    assert!(help.contains("in the TOML file, where there are more: see check-config)"), "{help}");
}

#[test]
fn the_commands_are_those_of_the_api_page() {
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(
        names,
        ["serve", "demo", "migrate", "key", "revoke", "recover", "backup", "check-config", "healthcheck", "openapi"]
    );
}

#[test]
fn every_flag_of_a_setting_reaches_the_configuration() {
    let line = "serve --data-dir d --public-listen 127.0.0.1:1 --api-listen 127.0.0.1:2 --ops-listen 127.0.0.1:3 \
                --public-url https://a.example --database-url sqlite:x.db --objects file:o --inline-limit 7 --log warn \
                --log-format json";
    // Before the command and after it are the same.
    let (command, options) = line.split_once(' ').unwrap();
    for line in [line.to_owned(), format!("{options} {command}")] {
        let config = Config::load(&parse(&line).unwrap().options.flags(), &Environment::new()).unwrap();
        assert_eq!([config.public.listen, config.api.listen, config.ops.listen].map(|listen| listen.port()), [1, 2, 3]);
        assert_eq!(config.data_dir.to_str(), Some("d"));
        assert_eq!(config.public.url.unwrap().as_str(), "https://a.example/");
        assert_eq!(config.database.url.to_string(), "sqlite:x.db");
        assert_eq!(config.objects.location, crate::config::ObjectsLocation::Local("o".into()));
        assert_eq!((config.email.inline_limit, config.log.filter.as_deref()), (7, Some("warn")));
        assert_eq!(config.log.format, crate::config::LogFormat::Json);
    }
}

#[test]
fn wrong_usage_is_refused() {
    for (line, why) in [
        ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("bogus", ErrorKind::InvalidSubcommand),
        ("serve --bogus", ErrorKind::UnknownArgument),
        ("key create", ErrorKind::MissingRequiredArgument),
        ("key create --scope root", ErrorKind::InvalidValue),
        ("key create --scope notify --project P", ErrorKind::MissingRequiredArgument),
        ("key create --scope notify --site a/b", ErrorKind::ValueValidation),
        ("revoke", ErrorKind::MissingRequiredArgument),
        ("revoke --site s --comment c", ErrorKind::MissingRequiredArgument),
        ("revoke --site s --project p --attachment a", ErrorKind::MissingRequiredArgument),
        ("revoke --site s --project p --link x", ErrorKind::ArgumentConflict),
        ("revoke --link x", ErrorKind::MissingRequiredArgument),
        ("backup", ErrorKind::MissingRequiredArgument),
        ("migrate now", ErrorKind::UnknownArgument),
    ] {
        assert_eq!(refusal(line), why, "{line}");
    }
    for line in ["", "bogus", "key create"] {
        assert_eq!(parse(line).err().map(|error| error.exit_code()), Some(i32::from(EXIT_USAGE)), "{line}");
    }
    assert_eq!(parse("--version").err().map(|error| error.exit_code()), Some(0));
}

#[test]
fn what_went_wrong_decides_the_exit_code() {
    let configuration = Config::load(&[("log", "verbose".to_owned())].into(), &Environment::new()).unwrap_err();
    assert_eq!(code_of(&configuration.into()), EXIT_USAGE);
    assert_eq!(code_of(&Usage("no".to_owned()).into()), EXIT_USAGE);
    assert_eq!(code_of(&anyhow::anyhow!("broken")), EXIT_FAILURE);
}
