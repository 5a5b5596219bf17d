//! Piste's own rules, embedded.
//!
//! In: the files under `rules/`. Out: their paths and texts; a test compares this list with the folder.

/// Path of the built-in set, as summaries show it.
pub const BUILT_IN_PATH: &str = "built-in";

/// Path under `rules/` and text, sorted by path.
pub const BUILT_IN: &[(&str, &str)] = &[
    (
        "exchange/ecp_virtual_directory_url_script.yml",
        include_str!("../../../rules/exchange/ecp_virtual_directory_url_script.yml"),
    ),
    (
        "exchange/httpproxy_autodiscover_confusion.yml",
        include_str!("../../../rules/exchange/httpproxy_autodiscover_confusion.yml"),
    ),
    (
        "exchange/httpproxy_backend_anchor.yml",
        include_str!("../../../rules/exchange/httpproxy_backend_anchor.yml"),
    ),
    (
        "exchange/mgmt_cmdlet_writes_web_page.yml",
        include_str!("../../../rules/exchange/mgmt_cmdlet_writes_web_page.yml"),
    ),
    (
        "exchange/mgmt_export_to_own_share.yml",
        include_str!("../../../rules/exchange/mgmt_export_to_own_share.yml"),
    ),
    (
        "exchange/mgmt_role_reads_all_mailboxes.yml",
        include_str!("../../../rules/exchange/mgmt_role_reads_all_mailboxes.yml"),
    ),
    (
        "exchange/mgmt_virtual_directory_url_script.yml",
        include_str!("../../../rules/exchange/mgmt_virtual_directory_url_script.yml"),
    ),
    (
        "iis/autodiscover_confusion_answered.yml",
        include_str!("../../../rules/iis/autodiscover_confusion_answered.yml"),
    ),
    (
        "iis/autodiscover_confusion_refused.yml",
        include_str!("../../../rules/iis/autodiscover_confusion_refused.yml"),
    ),
    ("iis/folder_outside_shipped.yml", include_str!("../../../rules/iis/folder_outside_shipped.yml")),
    ("iis/handler_runs_configuration.yml", include_str!("../../../rules/iis/handler_runs_configuration.yml")),
    ("iis/module_not_shipped.yml", include_str!("../../../rules/iis/module_not_shipped.yml")),
    (
        "iis/module_not_shipped_application.yml",
        include_str!("../../../rules/iis/module_not_shipped_application.yml"),
    ),
    ("iis/owa_path_to_powershell.yml", include_str!("../../../rules/iis/owa_path_to_powershell.yml")),
    (
        "iis/page_not_shipped_with_exchange.yml",
        include_str!("../../../rules/iis/page_not_shipped_with_exchange.yml"),
    ),
    ("iis/post_to_static_resource.yml", include_str!("../../../rules/iis/post_to_static_resource.yml")),
    ("iis/viewstate_in_get.yml", include_str!("../../../rules/iis/viewstate_in_get.yml")),
    ("web/page_is_a_shell.yml", include_str!("../../../rules/web/page_is_a_shell.yml")),
    ("web/page_may_be_a_shell.yml", include_str!("../../../rules/web/page_may_be_a_shell.yml")),
    ("windows/access_lsass_memory.yml", include_str!("../../../rules/windows/access_lsass_memory.yml")),
    (
        "windows/file_web_page_by_worker.yml",
        include_str!("../../../rules/windows/file_web_page_by_worker.yml"),
    ),
    (
        "windows/proc_archive_with_password.yml",
        include_str!("../../../rules/windows/proc_archive_with_password.yml"),
    ),
    (
        "windows/proc_discovery_by_web_worker_or_system.yml",
        include_str!("../../../rules/windows/proc_discovery_by_web_worker_or_system.yml"),
    ),
    (
        "windows/proc_exchange_snapin_loaded.yml",
        include_str!("../../../rules/windows/proc_exchange_snapin_loaded.yml"),
    ),
    ("windows/proc_lsass_memory_dump.yml", include_str!("../../../rules/windows/proc_lsass_memory_dump.yml")),
    ("windows/proc_ntds_copied.yml", include_str!("../../../rules/windows/proc_ntds_copied.yml")),
    (
        "windows/proc_web_shell_command_frame.yml",
        include_str!("../../../rules/windows/proc_web_shell_command_frame.yml"),
    ),
    (
        "windows/proc_web_worker_starts_shell.yml",
        include_str!("../../../rules/windows/proc_web_worker_starts_shell.yml"),
    ),
    ("windows/security_dcsync.yml", include_str!("../../../rules/windows/security_dcsync.yml")),
    ("windows/security_log_cleared.yml", include_str!("../../../rules/windows/security_log_cleared.yml")),
    (
        "windows/security_privileged_group_member_added.yml",
        include_str!("../../../rules/windows/security_privileged_group_member_added.yml"),
    ),
    (
        "windows/security_remote_desktop_from_public_address.yml",
        include_str!("../../../rules/windows/security_remote_desktop_from_public_address.yml"),
    ),
    (
        "windows/security_task_odd_action.yml",
        include_str!("../../../rules/windows/security_task_odd_action.yml"),
    ),
    (
        "windows/security_web_page_over_share.yml",
        include_str!("../../../rules/windows/security_web_page_over_share.yml"),
    ),
    ("windows/system_log_cleared.yml", include_str!("../../../rules/windows/system_log_cleared.yml")),
    (
        "windows/system_service_odd_image.yml",
        include_str!("../../../rules/windows/system_service_odd_image.yml"),
    ),
];
