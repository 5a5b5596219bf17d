//! Where a shortcut's target lies: on which volume, or on which server.
//!
//! In: the block `LinkInfo`. Out: paths, the volume's serial number, label and kind. Source: MS-SHLLINK 2.3.

use super::link::Link;
use crate::whole::Bytes;

/// Kinds of drives.
const DRIVES: [&str; 7] = ["unknown", "no root", "removable", "fixed", "remote", "CD-ROM", "RAM disk"];

/// Takes in what the block says.
pub(super) fn read(info: Bytes<'_>, link: &mut Link) -> Option<()> {
    let (header, flags) = (info.size(4)?, info.u32(8)?);
    let wide = header >= 0x24;
    // Each text may be there a second time in UTF-16, which knows all signs.
    let text = |plain_at: usize, wide_at: usize| {
        let of_place = |at: usize| info.size(at).filter(|at| *at != 0);
        let wide_text = of_place(wide_at).filter(|_| wide).map(|at| info.utf16(at));
        wide_text
            .filter(|text| !text.is_empty())
            .or_else(|| of_place(plain_at).map(|at| info.text(at)))
            .unwrap_or_default()
    };
    let suffix = text(24, 32);
    if flags & 1 > 0 {
        link.local_path = joined(&text(16, 28), &suffix);
        if let Some(volume) = info.size(12).filter(|at| *at != 0).map(|at| info.from(at)) {
            link.drive_type = volume.size(4).and_then(|kind| DRIVES.get(kind)).copied().unwrap_or_default();
            link.serial = volume.u32(8);
            link.label = match volume.size(12) {
                Some(0x14) => volume.utf16(volume.size(16).unwrap_or(usize::MAX)),
                Some(at) => volume.text(at),
                None => String::new(),
            };
        }
    }
    if flags & 2 > 0
        && let Some(share) = info.size(20).filter(|at| *at != 0).map(|at| info.from(at))
    {
        let plain_at = share.size(8)?;
        let wide_at = share.size(20).filter(|_| plain_at > 0x14);
        let name = wide_at.map(|at| share.utf16(at)).filter(|name| !name.is_empty());
        link.network_path = joined(&name.unwrap_or_else(|| share.text(plain_at)), &suffix);
    }
    Some(())
}

fn joined(base: &str, suffix: &str) -> String {
    let between = if suffix.is_empty() || base.is_empty() || base.ends_with('\\') { "" } else { "\\" };
    format!("{base}{between}{suffix}")
}
