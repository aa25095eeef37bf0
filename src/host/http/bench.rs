//! `http::bench` — the same request many times, some at once.

use std::sync::Arc;
use std::time::Duration;

use rhai::{Map, NativeCallContext};

use super::prepare::{Prepared, To, prepare};
use super::send::forwarded;
use crate::client::load;
use crate::error::{Error, Kind};
use crate::host::call::{CALL_LIMIT, Limit};
use crate::host::net::{Net, how_many, kind_word, summary, summary_line};
use crate::host::{Context, HostResult};

/// The options that a measurement has besides those of a request.
pub(super) const MORE: &[&str] = &["requests", "concurrency", "method"];

/// Measures.
pub(super) fn bench(at: &NativeCallContext, function: &'static str, to: To<'_>, options: Map) -> HostResult<Map> {
    let cx = Context::current()?;
    let method = match options.get("method") {
        Some(method) if method.is_string() => method.to_string(),
        Some(other) => {
            let shown = crate::host::values::show(other);
            return Err(Error::new(Kind::Script, format!("{function}: method is {shown}: expected a string")).into());
        }
        None => "GET".into(),
    };
    let (prepared, options) = prepare(&cx, at, function, &method, to, options, MORE)?;
    let Prepared { mut request, expect, mut call, credentials, service, .. } = prepared;
    let (requests, concurrency) = (how_many(&options, "requests", 100)?, how_many(&options, "concurrency", 10)?);
    call.line =
        format!("seq {requests} | xargs -P {concurrency} -I{{}} {} -o /dev/null -w '%{{time_total}}\\n'", call.line);
    if call.limit == Limit::Call {
        call.limit = Limit::Step;
    }
    let net = Net::of(&cx.world);
    let (clients, routes) = (net.clients.clone(), net.routes(&cx.world)?);
    let found = cx.call_with(at, call, summary_line, async {
        credentials.put_into(&cx.world, &mut request).await?;
        if let Some(service) = &service {
            request.connect_to = Some(forwarded(&cx, service).await?);
        }
        let all = Arc::new((request, expect, cx.world.redactor.clone()));
        load::run(requests, concurrency, move || {
            let (clients, routes, all) = (clients.clone(), routes.clone(), all.clone());
            async move {
                let (request, expect, redactor) = &*all;
                let answer = within(CALL_LIMIT, clients.send(&routes, request)).await;
                let answer = answer.map_err(|e| (kind_word(&e), e))?;
                let judged = expect.judge(request.method.as_str(), &answer);
                judged.map_err(|e| {
                    // Its words have the beginning of the body.
                    super::secrets::learn_answer(redactor, &answer);
                    (format!("status {}", answer.status), e)
                })
            }
        })
        .await
    })?;
    Ok(summary(&found))
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(Error::new(Kind::Timeout, format!("no answer within {}", crate::event::short(limit)))),
    }
}
