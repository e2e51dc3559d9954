//! `POST /api/v1/test/diagnose`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use octoporty_proto::model::{
    Endpoint, FailureCode, Probe, ProbeAnswer, ProbeFailure, ProbeReport, ProbeTiming, ProbeVia,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, timeout};

use super::body::{Shown, show};
use super::differences::differences;
use super::input::DiagnoseInput;
use super::plan::{Door, Plan};
use super::shapes::{Diagnosis, MappingPart, ProbeResource, RequestPart, Timing, ViaName};
use crate::api::body::JsonBody;
use crate::api::error::ApiError;
use crate::api::logs::shapes::RequestEntry;
use crate::api::responses::{Busy, CrossSite, Invalid, TooSlow, Unauthorized, Unavailable};
use crate::app::App;
use crate::store::{RequestFilter, StoredMapping};

/// The agent bounds each probe by 15 s; this is for an agent that does not answer at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the log is waited for: a record is under way for a tenth of a second on each side.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// Between two looks at the log.
const LOG_STEP: Duration = Duration::from_millis(50);

/// Most rows that are shown where they are found by mapping and path: others may ask for the same just now.
const MOST_ROWS: u32 = 20;

const REQUEST_ID: &str = "x-octoporty-request-id";

/// What a URL gives through the gateway and straight from the agent to the target, side by side. Both are real requests;
/// redirects are shown and not followed. At most 4 inspections run at once.
#[utoipa::path(
    post, path = "/api/v1/test/diagnose", operation_id = "diagnose", tag = "inspector",
    security(("cookie" = []), ("bearer" = [])),
    request_body = DiagnoseInput,
    responses(
        (status = 200, description = "Both sides, whatever they gave.", body = Diagnosis),
        Invalid, TooSlow, Unauthorized, CrossSite, Busy, Unavailable
    )
)]
pub(crate) async fn diagnose(
    State(app): State<Arc<App>>,
    JsonBody(input): JsonBody<DiagnoseInput>,
) -> Result<Json<Diagnosis>, ApiError> {
    let inspection = input.parse()?;
    let gateway_url = app.news.status.borrow().gateway_url.parse().ok();
    let door = Door { url: gateway_url, names: &app.gateway_names, version: &app.version };
    let mappings = app.store.mappings().await?;
    let plan = Plan::make(&inspection, &mappings, &door)?;
    let Ok(_permit) = app.probes.try_acquire() else {
        let detail = "As many inspections as may run at once are running; repeat this one in a moment.";
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_probes", detail).retry_after(2));
    };
    let before = app.store.newest_request().await?;
    let straight = async {
        match plan.straight.clone() {
            Some(probe) => Some(app.control.probe(probe).await),
            None => None,
        }
    };
    let both = async { tokio::join!(app.control.probe(plan.through_gateway.clone()), straight) };
    let (through, straight) = timeout(PATIENCE, both).await.map_err(|_| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "agent_silent", "The agent did not finish in half a minute.")
    })?;
    let gateway = resource(through, &plan.through_gateway);
    let agent = match (straight, &plan.straight) {
        (Some(report), Some(probe)) => resource(report, probe),
        _ => not_mapped(),
    };
    let request_id = gateway.headers.get(REQUEST_ID).and_then(|values| values.first()).cloned();
    let logs = rows(&app, &plan, &gateway, request_id.as_deref(), before).await?;
    let failed = [&gateway, &agent].into_iter().find(|side| side.error.is_some());
    Ok(Json(Diagnosis {
        success: failed.is_none(),
        error: failed.and_then(|side| side.error.clone()),
        request_id: request_id.unwrap_or(plan.request_id),
        url: inspection.url.to_string(),
        max_body_bytes: inspection.max_body as u64,
        real_requests: [&gateway, &agent].into_iter().map(|side| u8::from(side.timing.connect_ms.is_some())).sum(),
        mapping: plan.mapping.map(MappingPart::from),
        differences: differences(&gateway, &agent),
        gateway,
        agent,
        logs,
    }))
}

/// The rows of the request through the gateway, as soon as they are there.
async fn rows(
    app: &App,
    plan: &Plan<'_>,
    gateway: &ProbeResource,
    request_id: Option<&str>,
    after: i64,
) -> Result<Vec<RequestEntry>, ApiError> {
    // Only what a mapping served, or should have, is in the log.
    let Some(stored) = plan.mapping.filter(|stored| stored.enabled && gateway.success) else { return Ok(Vec::new()) };
    let filter = RequestFilter {
        mapping: Some(stored.mapping.id),
        request_id: request_id.map(str::to_owned),
        after_id: Some(after),
        count: MOST_ROWS,
        ..RequestFilter::default()
    };
    let path = plan.through_gateway.path.split('?').next().unwrap_or_default();
    let until = Instant::now() + LOG_PATIENCE;
    loop {
        let found = app.store.requests(&filter).await?;
        let own = found.iter().filter(|row| request_id.is_some() || row.record.path == path);
        let rows: Vec<_> = own.map(RequestEntry::from).collect();
        if !rows.is_empty() || Instant::now() >= until {
            return Ok(rows);
        }
        sleep(LOG_STEP).await;
    }
}

impl From<&StoredMapping> for MappingPart {
    fn from(stored: &StoredMapping) -> Self {
        let mapping = &stored.mapping;
        let (external_domain, path_prefix) = match &mapping.endpoint {
            Endpoint::Http { host, path, .. } => (host.to_string(), path.to_string()),
            _ => (String::new(), String::new()),
        };
        Self {
            id: mapping.id.to_string(),
            name: mapping.name.to_string(),
            external_domain,
            path_prefix,
            internal_target: format!("{}:{}", mapping.target.host, mapping.target.port),
            internal_protocol: mapping.target.scheme.into(),
            enabled: stored.enabled,
        }
    }
}

fn resource(report: ProbeReport, probe: &Probe) -> ProbeResource {
    let mut resource = ProbeResource {
        request: report.timing.connect.map(|_| RequestPart {
            method: probe.method.as_str().to_owned(),
            host: probe.authority.clone(),
            path: probe.path.clone(),
            headers: probe.headers.iter().cloned().collect(),
        }),
        dialled: Some(report.dialled).filter(|dialled| !dialled.is_empty()),
        address: report.address.map(|address| address.to_string()),
        via: match report.via {
            Some(ProbeVia::Dns) => Some(ViaName::Dns),
            Some(ProbeVia::Gateway) => Some(ViaName::Gateway),
            _ => None,
        },
        detour: report.detour,
        ..nothing(report.timing)
    };
    match report.outcome {
        Ok(answer) => add_answer(&mut resource, answer),
        Err(ProbeFailure { code, reason }) => {
            resource.hint = hint(&code);
            (resource.code, resource.error) = (Some(code), Some(reason));
        }
    }
    resource
}

fn add_answer(resource: &mut ProbeResource, answer: ProbeAnswer) {
    resource.success = true;
    resource.status_code = Some(answer.status);
    resource.http_version = Some(answer.version.to_owned());
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value).into_owned();
        resource.headers.entry(name.clone()).or_default().push(value);
    }
    let first = |name: &str| resource.headers.get(name).and_then(|values| values.first()).cloned();
    resource.content_type = first("content-type");
    let shown = show(&answer.body, resource.content_type.as_deref(), first("content-encoding").as_deref());
    match shown {
        Shown::Text(text) => resource.body_text = Some(text),
        Shown::Base64(text) => resource.body_base64 = Some(text),
    }
    if let Some(problem) = own_problem(resource, &answer.body) {
        resource.made_by_gateway = true;
        resource.hint = hint(&problem.code);
        (resource.code, resource.error) = (Some(problem.code), Some(problem.title));
    }
    resource.body_size = answer.body.len() as u64;
    resource.body_truncated = answer.truncated;
    resource.body_error = answer.broken;
    resource.body_sha256 = Some(Sha256::digest(&answer.body).iter().map(|byte| format!("{byte:02x}")).collect());
}

/// What the gateway says in place of a target.
#[derive(Deserialize)]
struct OwnProblem {
    #[serde(rename = "type")]
    kind: String,
    code: String,
    title: String,
}

fn own_problem(resource: &ProbeResource, body: &[u8]) -> Option<OwnProblem> {
    let is_problem = resource.content_type.as_deref() == Some("application/problem+json");
    let by_gateway = resource.via.is_some() && resource.headers.contains_key(REQUEST_ID);
    let problem: OwnProblem = serde_json::from_slice(body).ok().filter(|_| is_problem && by_gateway)?;
    (problem.kind == format!("urn:octoporty:problem:{}", problem.code)).then_some(problem)
}

fn not_mapped() -> ProbeResource {
    let code = FailureCode::NotMapped.as_str();
    ProbeResource {
        error: Some("No mapping takes this name and path, so there is no target to ask.".to_owned()),
        code: Some(code.to_owned()),
        hint: hint(code),
        ..nothing(ProbeTiming::default())
    }
}

fn nothing(timing: ProbeTiming) -> ProbeResource {
    let ms = |step: Duration| step.as_secs_f64() * 1_000.0;
    let to_head: Option<Duration> = timing
        .first_byte
        .map(|first| first + [timing.dns, timing.connect, timing.tls].into_iter().flatten().sum::<Duration>());
    ProbeResource {
        success: false,
        error: None,
        code: None,
        hint: None,
        made_by_gateway: false,
        request: None,
        dialled: None,
        address: None,
        via: None,
        detour: None,
        status_code: None,
        http_version: None,
        headers: Default::default(),
        content_type: None,
        body_size: 0,
        body_truncated: false,
        body_text: None,
        body_base64: None,
        body_sha256: None,
        body_error: None,
        duration_ms: ms(to_head.unwrap_or(timing.total)),
        timing: Timing {
            dns_ms: timing.dns.map(ms),
            connect_ms: timing.connect.map(ms),
            tls_ms: timing.tls.map(ms),
            first_byte_ms: timing.first_byte.map(ms),
            total_ms: ms(timing.total),
        },
    }
}

fn hint(code: &str) -> Option<String> {
    let own = match code {
        "public_dns" => {
            "The agent's network does not know this name: create its DNS record, or look at it by way of the gateway."
        }
        "public_unreachable" => {
            "Nobody takes connections at the name's address: see that it leads to the gateway and that its port is open."
        }
        "public_tls" => {
            "The certificate at the public name is not valid for it, or nobody speaks TLS there; for a private CA set Agent__CaFile."
        }
        "public_proxy" => "The proxy does not reach the public name: check Agent__Proxy and what it lets pass.",
        "public_timeout" => {
            "Nobody answered in time: see that the name leads to the gateway and that no firewall swallows the connection."
        }
        "public_closed" | "public_malformed" => {
            "What listens at the public name does not speak HTTP: see that it is the gateway, or a proxy before it."
        }
        "public_internal" => {
            "The public name leads into the agent's own network, or only Agent__Proxy knows where: ask by way of the gateway, or correct its DNS record, or name the address in Agent__AllowedTargets."
        }
        "agents_only" => {
            "The agent's way to its gateway is a port for agents alone (Gateway__TunnelPort): ask at the name's own address, by DNS."
        }
        "public_denied" => {
            "The public name leads to an address that Agent__DeniedTargets forbids: correct its DNS record."
        }
        other => return FailureCode::from_code(other).map(|code| code.hint().to_owned()),
    };
    Some(own.to_owned())
}
