//! Top-level domains: enough of them to tell `example.com` from `done.Then`.

/// Those of countries, and of more letters those that people meet; from IANA's list.
const KNOWN: &str = " ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw \
    by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm \
    fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm \
    jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr \
    ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro \
    rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv \
    tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw \
    com org net edu gov mil int info biz name pro mobi jobs travel museum coop aero cat tel xxx post asia arpa \
    app dev web page site online store shop tech cloud blog news wiki link click live life world today agency academy \
    digital email media group global team work works zone space website design studio company systems solutions \
    services network software technology support tools center community education school university institute church \
    foundation fund finance financial bank money credit loan insurance legal law health care clinic hospital fitness \
    yoga restaurant cafe bar pub kitchen pizza food recipes events party fun games game casino bet art gallery photo \
    photos photography video film movie music audio radio band dance travel tours flights hotel holiday city town \
    london paris berlin vlaanderen amsterdam nyc tokyo moscow wien hamburg koeln bayern swiss africa xyz top club vip \
    icu win bid trade market markets sale deals cheap discount cool ninja guru expert engineer consulting ventures \
    capital partners holdings build build house homes land estate properties rentals garden farm green eco energy solar \
    auto cars bike taxi dog pet baby kids family date dating love wedding social chat forum review reviews report press \
    plus one run fyi lol wtf example test invalid localhost local internal ";

/// Whether a last label is one.
pub(super) fn is_known(label: &str) -> bool {
    let label = label.to_lowercase();
    let within = |place: usize| {
        KNOWN[..place].ends_with(' ') && KNOWN[place + label.len()..].starts_with(' ')
    };
    label.starts_with("xn--")
        || (label.len() > 1 && KNOWN.match_indices(&label).any(|(place, _)| within(place)))
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn whole_labels_are_known() {
        for label in [
            "com",
            "COM",
            "uk",
            "vlaanderen",
            "xn--p1ai",
            "internal",
            "ac",
        ] {
            assert!(is_known(label), "{label}");
        }
        for label in ["", "c", "co m", "vlaander", "microsoft", "Then", "rs de"] {
            assert!(!is_known(label) || label.contains(' '), "{label}");
        }
    }
}
