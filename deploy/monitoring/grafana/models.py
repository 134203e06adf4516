"""The dashboard's row about models: learning, the status of variants, decisions."""

from __future__ import annotations

from deploy.monitoring.grafana.panels import DashboardRow, Panel, PanelQuery, rate

QUERIES = "lifelong_prequential_queries_total"
MODELS = DashboardRow(
    "Models",
    (
        Panel(
            "Version",
            "Published last (trainer) and used for ranking (worker). The worker's does not change while the trainer's "
            "climbs: the served model does not see new weights; look at Triton's log.",
            "none",
            (PanelQuery('max by (job, model) (lifelong_model_version{job=~"trainer|worker"})', "{{model}} {{job}}"),),
        ),
        Panel(
            "Prequential score",
            "Test-then-train on the live stream, over about the last 1,000 choices: hit rate in the list, mean "
            "reciprocal rank. A fall by a third within an hour: look for changes in traffic and catalogue first.",
            "percentunit",
            (PanelQuery("max by (model, metric) (lifelong_prequential_score)", "{{model}} {{metric}}"),),
        ),
        Panel(
            "Gain by variant",
            "Test-then-train on the examples that every variant learns from: 1 / log2(1 + rank) of the chosen item. "
            "The champion's below the others' for long: `lifelong models list` shows what is undecided.",
            "none",
            (PanelQuery("max by (variant) (lifelong_variant_gain)", "{{variant}}"),),
        ),
        Panel(
            "Gain over the champion",
            "With bounds that hold at any time. Once the lower bound is above promotion.minimum_effect the variant is "
            "promoted; once the upper bound is below it, it is refused. Wide for hours: few users choose from lists.",
            "none",
            (PanelQuery("max by (variant, bound) (lifelong_variant_difference)", "{{variant}} {{bound}}"),),
        ),
        Panel(
            "Decisions in the last hour",
            "Variants promoted, refused and rolled back, by the promotion policy or by an operator; `lifelong models "
            "history` shows why. Promotions back and forth: raise promotion.minimum_effect or promotion.cool_down.",
            "none",
            (
                PanelQuery(
                    "sum by (decision, by) (increase(lifelong_model_decisions_total[1h]))", "{{decision}} by {{by}}"
                ),
                PanelQuery("max by (variant) (lifelong_variant_serves)", "{{variant}} serves"),
            ),
        ),
        Panel(
            "Hit rate",
            "Share of the choices that were in the list ranked just before, by the worker's prequential queries.",
            "percentunit",
            (PanelQuery(f"""{rate(QUERIES + '{hit="yes"}')} / {rate(QUERIES)}""", "hit rate"),),
        ),
        Panel(
            "Examples learned",
            "Examples per second: examined (test), then learned (train). Foreign ones have another feature schema: "
            "normal only during a roll-out. None learned while events arrive: look at the trainer's log.",
            "cps",
            (PanelQuery(rate("lifelong_examples_total", "kind"), "{{kind}}"),),
            width=12,
        ),
        Panel(
            "Table records read",
            "Records per second of catalogue, item statistics and models that workers read. None while events "
            "arrive: rankings use old statistics; look at the topic item-statistics.",
            "cps",
            (PanelQuery(rate("lifelong_table_records_total"), "records"),),
            width=12,
        ),
    ),
)
