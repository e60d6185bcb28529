//! 日本語：ページのまわりの言葉と、端末に置くアプリの言葉。

use crate::text::number;
use crate::text::page::{AroundText, Notice};

pub(super) const AROUND: AroundText = AroundText {
    offline: "オフラインです。始めたものはこのページがなくても進み、つながれば自動で追いつきます。",
    newer: "このページを開いたあとに、Atelierが新しくなりました。",
    renew: "新しいページを読み込む",
    file_missing: "ファイルが見つかりません",
    file_away: "保管先がいま応答していません",
    copy: "コピーする",
    copied: "コピーしました",
    wait: |n| format!("あと{}秒でもう一度試せます。", number(n)),
    waited: "もう一度試せます。",
    no_line: Notice {
        title: "つながっていません",
        body: "いまはAtelierに接続できません。始めたものは止まらずに進み、ギャラリーで待っています。",
    },
    shared: Notice {
        title: "その画像は受け取れませんでした", body: "何も残しておらず、支払いもありません。"
    },
    shared_gone: "ログインまでに時間がたちすぎました。もう一度共有してください。",
};
