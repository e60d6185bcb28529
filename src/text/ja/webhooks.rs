//! Webhookのことば。

use super::super::page::{Notice, WebhooksText};
use super::number;
use crate::domain::{DeliveryTrouble, TrialProblem};

pub(super) const WEBHOOKS: WebhooksText = WebhooksText {
    title: "Webhook通知",
    lead: "依頼のときにWebhookのアドレスを伝えたプログラムへ、結果をこちらから知らせます。ここでは、この30日間に何を送り、どうなったかを見られます。",
    secret: Notice {
        title: "署名の鍵",
        body: "すべての知らせに、Standard Webhooksのとおりに署名します。この鍵を持つ人は、こちらからに見える知らせを作れてしまいます。\
               プログラムだけが読める場所に置いてください。",
    },
    show_secret: "鍵を表示する",
    rotate: "交換する",
    rotate_note: "新しい鍵を作ります。いまの鍵でも24時間は並べて署名するので、受け取る側は知らせを取りこぼさずに切り替えられます。",
    rotate_submit: "鍵を交換する",
    both_until: "前の鍵でも署名する期限：",
    trial: Notice {
        title: "アドレスを試す",
        body: "あなたが作ったもののうち、いちばん新しく終わったひとつについて、ふだんと同じ署名を付けて一度だけ知らせます。",
    },
    url: "アドレス",
    url_hint: "POSTを受けて、10秒以内に200から299の番号で答えるhttpsのアドレス。",
    send: "試しに送る",
    trial_problem: |problem| match problem {
        TrialProblem::Address => "https:// で始まる、2,048文字以内のアドレスを入れてください。",
        TrialProblem::NothingToTell => "まだ知らせるものがありません。何かひとつ作ってから、もう一度お試しください。",
        TrialProblem::TooMany => "続けて試しすぎました。1分ほどおいて、もう一度お試しください。",
    },
    off: Notice {
        title: "止めているアドレス", body: "もう一度使うことにするまで、これらのアドレスには何も送りません。"
    },
    off_gone: "もう使わない、という答えでした（410）",
    off_failing: "まる一日、受け取られませんでした",
    since: "止めた日時：",
    enable: "もう一度使う",
    log: "最近の50件",
    refresh: "更新",
    empty: Notice {
        title: "まだ何も送っていません",
        body: "APIへの依頼でWebhookを伝えるか、上でアドレスを試すと、送ったものがここに並びます。",
    },
    waiting: "送っています",
    taken: "届きました",
    no_answer: |trouble| match trouble {
        DeliveryTrouble::Slow => "10秒以内に答えがありませんでした",
        DeliveryTrouble::Unreachable => "つながりませんでした",
        DeliveryTrouble::Address => "このアドレスには送りません",
        DeliveryTrouble::Stale => "知らせるには遅すぎました",
        DeliveryTrouble::Nothing => "知らせるものがなくなりました",
    },
    is_trial: "試し",
    tries: |n| format!("{}回目", number(n)),
    took: |n| format!("{}ミリ秒", number(n)),
    next: "次に送る日時：",
    about: "何の知らせか",
    again: "もう一度送る",
};
