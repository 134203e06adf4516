"""Metrics of other software that the dashboard shows."""

from __future__ import annotations

VENDORS = {
    "up": "Prometheus: 1 if the last scrape was answered",
    "process_cpu_seconds_total": "Prometheus clients, every process that serves /metrics",
    "process_resident_memory_bytes": "Prometheus clients, every process that serves /metrics",
    "process_start_time_seconds": "Prometheus clients, every process that serves /metrics",
    "nv_inference_request_success": "Triton Inference Server, user guide, Metrics",
    "nv_inference_request_failure": "Triton Inference Server, user guide, Metrics",
    "nv_inference_request_duration_us": "Triton Inference Server, user guide, Metrics",
    "nv_inference_queue_duration_us": "Triton Inference Server, user guide, Metrics",
    "nv_inference_compute_infer_duration_us": "Triton Inference Server, user guide, Metrics",
    "milvus_proxy_req_count": "Milvus 2.3, operational metrics",
}
"""Metrics of other software, and where they are documented."""
