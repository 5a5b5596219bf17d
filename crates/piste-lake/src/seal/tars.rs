//! Tape archives among the evidence: each member sealed as a file of its own.
//!
//! In: the place of an archive. Out: its members as items, and issues for what it holds that is not read.

use piste_model::evidence::EvidenceState;

use super::{Container, Sealer};
use crate::LakeError;
use crate::archive::{Place, case_fault};
use crate::names::Name;
use crate::origin::origin_of;
use crate::tar::Listing;

/// Names of refused members that one issue lists.
const SHOWN_MAX: usize = 10;

impl Sealer<'_> {
    pub(super) fn open_tar(
        &mut self,
        place: &Place,
        name: &Name,
        at: usize,
        within: &mut Container<'_>,
    ) -> Result<(), LakeError> {
        let listing = match self.opener.tar_members(place, within.budget.members) {
            Ok(listing) => listing,
            Err(error) => {
                let error = case_fault(error)?;
                if let Some(item) = self.intake.items.get_mut(at) {
                    item.state = EvidenceState::Unread;
                }
                let what = format!("this tape archive cannot be read: {error}");
                self.issue(
                    "tar-damaged",
                    &name.path,
                    &what,
                    "nothing in it was examined",
                    "ask for a fresh copy",
                );
                return Ok(());
            }
        };
        self.tell_of_tar(&name.path, &listing);
        let names: Vec<&str> = listing.members.iter().map(|member| member.name.as_str()).collect();
        let origin = origin_of(&names);
        if let Some(item) = self.intake.items.get_mut(at) {
            item.origin = origin.tool.map(str::to_owned);
        }
        let all = listing.members.len();
        for (number, member) in listing.members.iter().enumerate() {
            if self.out_of_time || !within.budget.pay_member(name.path.len() + member.name.len() + 1) {
                self.stopped(&name.path, all - number, within);
                break;
            }
            let mut inside = Container {
                origin: &origin,
                depth: within.depth + 1,
                encrypted: false,
                modified: &member.modified,
                budget: &mut *within.budget,
            };
            self.seal_member(place, name, member, &mut inside)?;
        }
        Ok(())
    }

    fn tell_of_tar(&mut self, path: &str, listing: &Listing) {
        if let Some((offset, places)) = listing.damaged {
            let what = format!(
                "{places} {} where a member's header should be hold none; the first is at byte {offset}",
                if places == 1 { "place" } else { "places" }
            );
            let effect = match listing.members.len() {
                0 => "nothing in it was examined".to_owned(),
                found => format!("{found} members were found and examined; others may be lost"),
            };
            self.issue("tar-damaged", path, &what, &effect, "ask for a fresh copy");
        }
        if let Some(first) =
            listing.sparse.get(..listing.sparse.len().min(SHOWN_MAX)).filter(|first| !first.is_empty())
        {
            let what = format!(
                "{} of its members are written with holes: {}",
                listing.sparse.len(),
                first.join(", ")
            );
            self.issue(
                "tar-sparse",
                path,
                &what,
                "these were neither sealed nor examined",
                "extract them and give the folder: tar -xf FILE -C FOLDER",
            );
        }
        if listing.special > 0 {
            let what = format!("{} of its members are devices or pipes", listing.special);
            self.issue(
                "evidence-special",
                path,
                &what,
                "they hold nothing that could be read",
                "look at them: tar -tvf FILE",
            );
        }
        if listing.behind_end > 0 {
            let what = format!("{} of its members stand behind the mark of its end", listing.behind_end);
            self.issue(
                "tar-behind-end",
                path,
                &what,
                "they were examined; other programs do not show them",
                "ask who made it; to see them: tar -itvf FILE",
            );
        }
        if listing.more {
            let what =
                format!("this archive has more members than the {} that may be read", listing.members.len());
            self.issue(
                "archive-members",
                path,
                &what,
                "the further members were not examined",
                "extract it by hand on a machine with room, and give the folder",
            );
        }
    }
}
