//! The sandbox: all of wasmtime.
//!
//! In: compiled components, columns, chosen rows, parameters. Out: one verdict per row, with
//! annotations, typed failures, fuel and time. Never: IO, state from one batch to the next, or an
//! error of one filter in another.

// Contract for the rooms around it (to be built):
//
// pub struct Sandbox;                      // engine, pooling with fall-back, epoch ticker; one per process
// Sandbox::new(&SandboxSettings) -> Result<Arc<Sandbox>, EvaluateError>
// Sandbox::compatibility(&self) -> String  // engine compatibility hash, for the cache key
// Sandbox::load(self: &Arc<Self>, compiled: &[u8] / path) -> Result<Program, EvaluateError>
//                                          // unsafe deserialize: only the bytes of our own compile child
// compile(component: &[u8]) -> Result<Vec<u8>, EvaluateError>   // runs inside the compile child only
//
// Program (cheap to clone, Send + Sync):
//   describe(&self) -> Result<Description, Fault>
//   evaluate(&self, batch: &Columns<'_>, rows: Rows<'_>, parameters: &[ParameterValue], budget: &Budget)
//        -> Evaluation
//   Evaluation { verdicts: Vec<Verdict>, fuel: u64, elapsed_ns: u64, logs: Vec<LogLine>, dropped_logs: u64 }
//   enum Verdict { Pass(Vec<(u32 kind, AnnotationValue)>), Reject(u8 code, annotations), Fail(Fault) }
//   Fault { kind: FaultKind, message: String }   FaultKind::{Trap, Fuel, Deadline, Memory, Malformed, NotJudged}
