import type { components } from "./schema";

/** The API's shapes under the names that the page uses. */
type Schemas = components["schemas"];

export type Mapping = Schemas["Mapping"];
export type MappingInput = Schemas["MappingInput"];
export type MappingState = Schemas["MappingState"];
export type Status = Schemas["Status"];
export type ConnectionStatus = Schemas["ConnectionStatus"];
export type LiveStats = Schemas["LiveStats"];
export type StatsHistory = Schemas["History"];
export type StatsSummary = Schemas["Summary"];
export type RequestLogEntry = Schemas["RequestLogEntry"];
export type DiagnoseInput = Schemas["DiagnoseInput"];
export type Diagnosis = Schemas["Diagnosis"];
export type InspectedProbe = Schemas["InspectedProbe"];
export type Difference = Schemas["Difference"];
export type ConnectionLogEntry = Schemas["ConnectionLogEntry"];
export type LogEntry = Schemas["LogLine"];
export type LogLevel = Schemas["LogLevel"];
export type LogPage = Schemas["LogLinePage"];
export type LogSource = Schemas["LogSource"];
export type GatewayUpdate = Schemas["GatewayUpdate"];
export type CaddyConfig = Schemas["CaddyConfig"];
export type CaddyRoute = Schemas["CaddyRoute"];
export type LandingPage = Schemas["LandingPage"];
export type TargetCheck = Schemas["TargetCheck"];
export type TestTargetInput = Schemas["TestTargetInput"];
export type Capabilities = Schemas["Capabilities"];
export type ProblemBody = Schemas["Problem"];
export type ConsoleEvent = Schemas["ConsoleEvent"];
export type ImportResult = Schemas["ImportResult"];
export type ImportEntry = Schemas["ImportEntry"];
export type Definition = Schemas["Definition"];
