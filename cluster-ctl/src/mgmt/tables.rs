//! The shell's tables, column by column as cloudhsm_mgmt_util prints them.
use super::server::Server;
use proto::Role;
use proto::command::cluster::HsmInfo;
use proto::command::user::UserListed;

/// `listUsers` of one server.
pub(super) fn users(server: &str, users: &[UserListed]) -> String {
    let mut text = format!("Users on {server}:\nNumber of users found:{}\n\n", users.len());
    text += "    User Id             User Type       User Name                          \
             MofnPubKey    LoginFailureCnt         2FA\n";
    let yes = |yes| if yes { "YES" } else { "NO" };
    for user in users {
        text += &format!(
            "         {:<15}{:<16}{:<41}{:<17}{:<16}{}\n",
            user.id,
            user.role.name(),
            user.username,
            "NO",
            user.login_failures,
            yes(user.second_factor),
        );
    }
    text
}

/// `info server` of one server.
pub(super) fn info(server: &Server) -> String {
    info_line(
        server.number,
        (&server.endpoint.host, server.endpoint.port),
        server.connection.is_open(),
        &server.connection.welcome().hsm_id,
        server.login.as_ref().map(|(role, name)| (*role, name.as_str())),
    )
}

fn info_line(
    number: usize,
    (host, port): (&str, u16),
    connected: bool,
    hsm_id: &str,
    login: Option<(Role, &str)>,
) -> String {
    let state = if connected { "Connected" } else { "Disconnected" };
    let login = login.map_or("Not logged in".to_owned(), |(role, name)| {
        format!("Logged in as '{name}({})'", role.name())
    });
    format!(
        "Id      Name                    Hostname         Port   State           Partition        \
         \x20      LoginState\n\
         {number:<8}{host:<24}{host:<16}{port:<8}{state:<16}{hsm_id:<24}{login}\n"
    )
}

/// `getHSMInfo` of one server.
pub(super) fn hsm_info(number: usize, info: &HsmInfo) -> String {
    let lines = [
        ("Label", "cavium"),
        ("Model", &info.model),
        ("Serial Number", &info.serial_number),
        ("FIPS state", &info.fips_state),
        ("Manufacturer ID", &info.vendor),
        ("Hardware Major", &info.hardware_version_major),
        ("Hardware Minor", &info.hardware_version_minor),
        ("Firmware Major", &info.firmware_version_major),
        ("Firmware Minor", &info.firmware_version_minor),
        ("Build Number", &info.firmware_build_number),
        ("Firmware ID", &info.firmware_id),
    ];
    let mut text = format!("                *** Server {number} HSM Info ***\n\n");
    for (name, value) in lines {
        text += &format!("        {name:<21}:{value}\n");
    }
    text
}

/// Whether a user owns a key or shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hold {
    Owned,
    Shared,
}

/// `findAllKeys` of one server, without the last line.
pub(super) fn keys(server: &str, keys: &[(u64, Hold)], key_hash: Option<&str>) -> String {
    let count = keys.len();
    let list: Vec<String> = keys
        .iter()
        .map(|(handle, hold)| match hold {
            Hold::Owned => format!("{handle}(o)"),
            Hold::Shared => format!("{handle}(s)"),
        })
        .collect();
    let mut text = format!(
        "Keys on {server}:\nNumber of keys found {count}\n\
         number of keys matched from start index 0::{count}\n{}\n",
        list.join(",")
    );
    if let Some(hash) = key_hash {
        text += &format!("Key Hash:\n{hash}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_stand_in_cloudhsms_columns() {
        let user = |id, role, name: &str| UserListed {
            id,
            role,
            username: name.to_owned(),
            login_failures: 0,
            locked: false,
            logins: 0,
            second_factor: false,
        };
        let listed = [
            user(1, Role::Co, "admin"),
            user(2, Role::Au, "app_user"),
            user(3, Role::Cu, "example_user"),
        ];
        // Cut at the right to fit this page.
        let head = "\
Users on server 0(10.0.2.9):
Number of users found:3

    User Id             User Type       User Name                          MofnPubKey    Login";
        let row = "
         1              CO              admin                                    NO               0
         2              AU              app_user                                 NO               0
         3              CU              example_user                             NO               0
";
        let row = row.replace(" 0\n", " 0               NO\n");
        let expected = format!("{head}FailureCnt         2FA{row}");
        assert_eq!(users("server 0(10.0.2.9)", &listed), expected);
    }

    #[test]
    fn info_stands_in_cloudhsms_columns() {
        let expected = "\
Id      Name                    Hostname         Port   State           Partition               @
0       10.0.0.1                10.0.0.1        2225    Connected       hsm-udw0tkfg1ab         @
"
        .replacen('@', "LoginState", 1)
        .replacen('@', "Logged in as 'testuser(CU)'", 1);
        let login = Some((Role::Cu, "testuser"));
        assert_eq!(info_line(0, ("10.0.0.1", 2225), true, "hsm-udw0tkfg1ab", login), expected);
    }

    #[test]
    fn keys_and_their_hash() {
        let held = [(8, Hold::Shared), (19, Hold::Owned), (262_162, Hold::Shared)];
        assert_eq!(
            keys("server 0(10.0.0.1)", &held, Some("5565")),
            "Keys on server 0(10.0.0.1):\nNumber of keys found 3\n\
             number of keys matched from start index 0::3\n8(s),19(o),262162(s)\nKey Hash:\n5565\n"
        );
    }

    #[test]
    fn hsm_info_is_aligned() {
        let one = || "x".to_owned();
        let info = HsmInfo {
            vendor: one(),
            model: one(),
            serial_number: one(),
            hardware_version_major: one(),
            hardware_version_minor: one(),
            firmware_version_major: one(),
            firmware_version_minor: one(),
            firmware_build_number: one(),
            firmware_id: one(),
            fips_state: "2 [FIPS mode with single factor authentication]".to_owned(),
        };
        let text = hsm_info(1, &info);
        assert!(text.starts_with(
            "                *** Server 1 HSM Info ***\n\n        Label                :cavium\n"
        ));
        assert!(text.contains("\n        FIPS state           :2 [FIPS mode"));
    }
}
