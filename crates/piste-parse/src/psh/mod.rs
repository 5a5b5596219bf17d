//! What was typed into PowerShell: transcripts, and the history that `PSReadLine` keeps.
//!
//! In: the whole file. Out: datasets `powershell.transcript` and `powershell.history`, a row a command. Sources: Microsoft's
//! `about_Transcripts` and the code of `PowerShell` that writes them; `PSReadLine`'s documentation.

pub mod history;
pub mod transcript;
