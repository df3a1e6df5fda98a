//! The scripts. Each is a file beside this one.

/// A script in Lua.
pub(super) struct Script {
    /// Whole.
    pub text: &'static str,
    /// SHA-1 of the text, by which Redis knows it: what `sha1sum` says of the file. A wrong one costs a second round
    /// trip each time, which devstack's tests of the limiter notice.
    pub hash: &'static str,
}

pub(super) const FIXED_WINDOW: Script = Script {
    text: include_str!("fixed_window.lua"),
    hash: "1ba97ad127292d5c79f030f80feffe32aec2d17d",
};

pub(super) const SLIDING_WINDOW: Script = Script {
    text: include_str!("sliding_window.lua"),
    hash: "81a643d6eb3dc8c546b66b7fe8b86a4a8d94e973",
};

pub(super) const TOKEN_BUCKET: Script = Script {
    text: include_str!("token_bucket.lua"),
    hash: "ffeca65d63229f98e0d0a26acf60c3394ed8eb4d",
};
