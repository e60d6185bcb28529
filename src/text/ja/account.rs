//! 明細とアカウントのことば。

use super::super::page::{AccountText, Notice, StatementText};
use super::number;
use crate::domain::StatementFilter;

pub(super) const STATEMENT: StatementText = StatementText {
    filter: "表示する明細",
    filter_name,
    none: Notice {
        title: "当てはまる明細がありません", body: "この種類の行は、まだ明細にありません。"
    },
    everything: "すべての明細を見る",
    reference: "番号",
    csv: "CSVで保存",
    json: "JSONで保存",
    verify: "明細を検証",
    verify_note: "どの行にも、その行とひとつ前の行から計算したSHA-256が付いています。「明細を検証」を押すと、ブラウザがすべて計算し直します。\
                  保存したJSONファイルなら、「atelier ledger verify ファイル名」で、このサーバーなしに確かめられます。",
    checking: "計算し直しています…",
    right: "{n}/{n} ✓ 一致",
    flawed: "{n}行のうち{place}行目が合いません（{ref}）。",
    cut: "明細の終わりが、記録と合いません。",
    away: "明細を読み込めませんでした。もう一度お試しください。",
    column_time: "日時（日本時間）",
    column_kind: "種類",
    column_what: "モデル",
    column_generation: "生成番号",
    column_count: "件数",
    column_returned: "返却",
    column_reason: "理由",
};

const fn filter_name(filter: StatementFilter) -> &'static str {
    match filter {
        StatementFilter::All => "すべて",
        StatementFilter::Added => "追加",
        StatementFilter::Spent => "支払い",
        StatementFilter::Returned => "返却",
    }
}

/// パスワードを間違えすぎた人に、待つ時間を伝える。
pub(super) fn too_many_tries(seconds: i64) -> String {
    let wait = if seconds > 90 { format!("{}分", number((seconds + 59) / 60)) } else { format!("{}秒", number(seconds)) };
    format!("試した回数が多すぎます。{wait}待ってから、もう一度お試しください。")
}

pub(super) const ACCOUNT: AccountText = AccountText {
    title: "アカウント",
    email: "メールアドレス",
    to_credits: "クレジットと明細",
    limits: Notice {
        title: "使いすぎを防ぐ",
        body: "ご自分で決める上限です。いつでも変えられ、次の依頼から効きます。プログラムからの依頼にも効きます。空欄なら上限はありません。",
    },
    daily_cap: "24時間に使うクレジットの上限",
    daily_cap_hint: |n| format!("支払い済みと確保中の合計で数えます。この24時間では{}です。", number(n)),
    ask_above: "これより高いときは確認する",
    ask_above_hint: "この値段を超える依頼は、一度お尋ねしてから始めます。プログラムには尋ねられません。",
    warn_below: "これより少なくなったら知らせる",
    warn_below_hint: "使えるクレジットがこれより少ないあいだ、どの画面にもお知らせが出ます。",
    not_a_number: "整数にするか、空欄にしてください。",
    save: "上限を保存する",
    saved: "保存しました。次の依頼から効きます。",
    low: |n| format!("使えるクレジットは残り{}です。", number(n)),
    low_link: "お知らせの条件を変える",
    password: Notice {
        title: "パスワード", body: "変更すると、このブラウザのほかはすべてログアウトされます。"
    },
    old_password: "いまのパスワード",
    new_password: "新しいパスワード",
    change_password: "パスワードを変更する",
    password_changed: "パスワードを変更し、ほかのブラウザをすべてログアウトしました。",
    wrong_password: "いまのパスワードと一致しません。",
    sessions: Notice {
        title: "ログイン中のブラウザ", body: "このアカウントにいまログインしているブラウザです。"
    },
    this_browser: "このブラウザ",
    some_browser: "ブラウザ",
    since: "ログイン",
    end_session: "ログアウトさせる",
    end_sessions: "ほかをすべてログアウトさせる",
    session_ended: "そのブラウザをログアウトしました。",
    sessions_ended: "ほかのブラウザをすべてログアウトしました。",
    looks: Notice { title: "言語と配色", body: "このブラウザに保存されます。" },
    export: Notice {
        title: "すべて持ち出す",
        body: "元の画像すべて、それぞれを作ったときの内容、明細、プロフィールと、ネットにつながなくても開けるギャラリーを、ひとつのZIPにまとめます。",
    },
    export_link: "すべてダウンロードする",
    delete: Notice {
        title: "アカウントを削除する",
        body: "ただちにすべてのブラウザからログアウトし、APIキーは使えなくなり、制作中のものは止まります。確保中のクレジットは先に精算します。\
               画像、ファイル、プロンプトは1時間以内にすべて消え、元に戻せません。帳簿の行は、計算が合うように名前を消して残します。",
    },
    delete_credits: |n| format!("{}クレジットは使えなくなります。", number(n)),
    delete_pictures: |n| format!("{}枚の画像が消えます。", number(n)),
    delete_password: "確認のためのパスワード",
    delete_it: "完全に削除する",
    delete_keeper: "管理者がほかにいないため、このアカウントはまだ削除できません。先に、サーバーの端末で次のコマンドを実行し、別の方を管理者にしてください。",
    delete_keeper_address: "メールアドレス",
};
