//! Zips opened: their members one by one, and what in a zip is not to be trusted.
//!
//! In: a zip that is sealed. Out: its members as items, and an issue for each thing about it that another program would see
//! otherwise.

use std::io;

use piste_model::Issue;
use piste_model::evidence::EvidenceState;
use piste_parse::Format;

use super::{Container, Sealer};
use crate::LakeError;
use crate::archive::{Member, Members, Place, Step, case_fault};
use crate::hidden::Beside;
use crate::limits::Overdrawn;
use crate::metered::ListTooLong;
use crate::names::Name;
use crate::origin::origin_of;
use crate::salvage::Most;

impl Sealer<'_> {
    pub(super) fn open_zip(
        &mut self,
        place: &Place,
        name: &Name,
        at: usize,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        let path = name.path.as_str();
        let most = Most { members: within.budget.members, names: within.budget.names };
        let members = match self.opener.members(place, most) {
            Ok(members) => members,
            Err(error) => self.salvage(place, path, at, most, &case_fault(error)?)?,
        };
        self.read_members(members, place, name, at, within)
    }

    /// A zip that stands behind something else, as in a program that unpacks itself. What only looks like one is left alone.
    pub(super) fn open_zip_behind(
        &mut self,
        format: Format,
        place: &Place,
        name: &Name,
        at: usize,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        let most = Most { members: within.budget.members, names: within.budget.names };
        let members = match self.opener.members(place, most) {
            Ok(mut members) if !members.list.is_empty() => {
                // What stands before it is the file itself.
                members.beside.gap = members.beside.gap.filter(|(from, _)| *from > 0);
                members
            }
            Ok(_) => return Ok(()),
            Err(error) => return case_fault(error).map(drop),
        };
        if within.depth >= self.limits.depth_max {
            let what = format!("a zip stands behind it, deeper than {} containers", self.limits.depth_max);
            let hint = "extract it by hand and give the folder: 7z x FILE";
            self.issue("archive-depth", &name.path, &what, "nothing in it was examined", hint);
            return Ok(());
        }
        let what = format!("a zip stands behind this {} file", format.name());
        let effect = format!("its {} members were examined", members.list.len());
        self.issue(
            "zip-behind",
            &name.path,
            &what,
            &effect,
            "ask what the file is for; to list it: 7z l FILE",
        );
        self.read_members(members, place, name, at, within)
    }

    /// Seals the members one by one, as many as the budget of the file given has room for.
    fn read_members(
        &mut self,
        members: Members,
        place: &Place,
        name: &Name,
        at: usize,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        let path = name.path.as_str();
        self.tell_beside(path, &members);
        let names: Vec<&str> = members.list.iter().map(|member| member.name.as_str()).collect();
        let origin = origin_of(&names);
        if let Some(item) = self.intake.items.get_mut(at) {
            item.origin = origin.tool.map(str::to_owned);
        }
        let all = members.list.len();
        let (mut encrypted, mut locked) = (0, None);
        for (number, member) in members.list.into_iter().enumerate() {
            if self.out_of_time || !within.budget.pay_member(path.len() + member.name.len() + 1) {
                self.stopped(path, all - number, within);
                break;
            }
            encrypted += usize::from(member.encrypted);
            let mut inside = Container {
                origin: &origin,
                depth: within.depth + 1,
                encrypted: member.encrypted,
                modified: &member.modified,
                budget: &mut *within.budget,
            };
            let locked_here = self.seal_member(place, name, &member, &mut inside)?;
            locked = locked.or(locked_here.then_some(member.name));
        }
        if let Some(first) = locked {
            self.locked(path, &first, encrypted);
        }
        Ok(())
    }

    /// Seals one member; answers whether it stays encrypted.
    pub(super) fn seal_member(
        &mut self,
        place: &Place,
        container: &Name,
        member: &Member,
        inside: &mut Container<'_>,
    ) -> Result<bool, LakeError> {
        if member.folder {
            return Ok(false);
        }
        let name = self.names.member(container, &member.name);
        let leads_out = member.name.split(['/', '\\']).any(|part| part == "..");
        if !leads_out && !member.link {
            let before = self.intake.items.len();
            self.seal_place(place.inside(member.step.clone()), &name, inside)?;
            let unread = self.intake.items.get(before).is_some_and(|item| item.sha256.is_empty());
            return Ok(member.encrypted && unread);
        }
        if leads_out {
            self.issue(
                "zip-slip",
                &name.path,
                "the name of this member leads out of the archive",
                "it was refused: no collection tool writes such a name",
                "look at it with: unzip -l FILE",
            );
            self.push_unread(place.inside(member.step.clone()), &name, inside);
        } else {
            self.issue(
                "evidence-link",
                &name.path,
                "this member is a symbolic link",
                "it was not followed",
                "give the file that it points to as evidence of its own, if it belongs here",
            );
        }
        Ok(false)
    }

    /// The members of a zip that lost its list of them, found by their own headers.
    fn salvage(
        &mut self,
        place: &Place,
        path: &str,
        at: usize,
        most: Most,
        error: &io::Error,
    ) -> Result<Members, LakeError> {
        if let Some(item) = self.intake.items.get_mut(at) {
            item.state = EvidenceState::Unread;
        }
        let list = match self.opener.salvage(place, most) {
            Ok(list) => list,
            Err(error) => {
                case_fault(error)?;
                Vec::new()
            }
        };
        let effect = match list.len() {
            0 => "nothing in it was examined; it may be cut short".to_owned(),
            found => {
                format!("{found} members were found by their own headers and examined; others may be lost")
            }
        };
        let (slug, hint) = if ListTooLong::is_why(error) {
            ("archive-names", "extract it by hand on a machine with room, and give the folder")
        } else {
            (
                "zip-damaged",
                "ask for a fresh copy, or save what is left and give the folder: zip -FF FILE --out FIXED.zip",
            )
        };
        self.issue(slug, path, &format!("this zip cannot be opened: {error}"), &effect, hint);
        Ok(Members { list, name_twice: false, hidden: 0, beside: Beside::default() })
    }

    pub(super) fn stopped(&mut self, path: &str, left: usize, within: &Container<'_>) {
        let effect = format!("{left} further members were not examined");
        let hint = "extract it by hand on a machine with room, and give the folder";
        let budget = &within.budget;
        let (slug, what) = match budget.overdrawn {
            Some(Overdrawn::Bytes) => {
                ("archive-bomb", "this archive inflates to more than it may".to_owned())
            }
            Some(Overdrawn::Members) => {
                let most = budget.members_given;
                let what = "this zip has more members than a file of its size may have, those of archives";
                ("archive-members", format!("{what} within counted in: {most}"))
            }
            Some(Overdrawn::Names) => {
                let what = "the names of its members, those of archives within counted in, take more bytes \
                            than those of a file of its size may";
                ("archive-names", what.to_owned())
            }
            None => ("file-timeout", "the file took longer than it may".to_owned()),
        };
        self.issue(slug, path, &what, &effect, hint);
    }

    /// What another program would see otherwise.
    fn tell_beside(&mut self, path: &str, members: &Members) {
        if members.name_twice {
            self.issue(
                "zip-name-twice",
                path,
                "several members of this zip have the same name",
                "each was examined; other programs show one of them only",
                "ask who made it; to extract them all: 7z x -aou FILE -oFOLDER",
            );
        }
        let beside = &members.beside;
        if let Some(first) =
            members.list.len().checked_sub(members.hidden).and_then(|at| members.list.get(at))
        {
            let at = if let Step::Local(at) = first.step { at } else { 0 };
            let many = members.hidden;
            let what = format!(
                "{many} members stand in this zip that its list does not name, the first is `{}`",
                first.name
            );
            let issue = Issue::new(
                "zip-hidden-members",
                path,
                what,
                "they were found by their own headers and examined; other programs show them or not",
                "ask who made it; compare what lists it: 7z l FILE, and zip -sf FILE",
            );
            self.intake.issues.push(issue.at(at));
        }
        if let Some((listed, own)) = &beside.first_renamed {
            let many = beside.renamed;
            self.issue(
                "zip-name-differs",
                path,
                &format!("{many} members have another name in the zip's list than at their own place: `{listed}` is `{own}` there"),
                "each was examined under the list's name; other programs may give it the other one",
                "ask who made it; search for both names",
            );
        }
        if let Some(first) = &beside.first_overlapping {
            let many = beside.overlapping;
            self.issue(
                "zip-overlap",
                path,
                &format!("{many} members begin before the one before them ends, the first is `{first}`"),
                "each was examined as the list says; no program writes such a zip",
                "ask who made it: an archive like this is made to fill a disk or to hide a member",
            );
        }
        let hint = "look at the bytes there: tail -c +OFFSET FILE | head -c 400 | xxd";
        for (slug, found, place) in [
            ("zip-bytes-between", beside.gap, "between the members of this zip"),
            ("zip-bytes-behind", beside.after, "behind the end of this zip"),
        ] {
            if let Some((from, bytes)) = found {
                let what = format!("{bytes} bytes {place} belong to no member");
                let effect = "they were hashed with the file and not examined";
                self.intake.issues.push(Issue::new(slug, path, what, effect, hint).at(from));
            }
        }
    }

    /// One issue for all members of a zip that stay encrypted.
    fn locked(&mut self, path: &str, first: &str, encrypted: usize) {
        let what = match self.opener.passwords() {
            0 => format!("{encrypted} members are encrypted, the first is `{first}`"),
            tried => format!(
                "{encrypted} members are encrypted; none of the {tried} passwords given opens `{first}`"
            ),
        };
        self.issue("container-encrypted", path, &what, "what no password opened was not examined",
            "give the password: --password-file FILE, one a line; or extract it: 7z x ARCHIVE -pPASSWORD -oFOLDER");
    }
}
