-- Item statistics: from `item-deltas` to `item-statistics`, by the rules of features/statistics.py.
--
-- Names in braces are filled in by streams/flink/item_statistics.py, from the tables of half-lives. Statements end with
-- a semicolon and a line break. Nothing waits for event time: there are no watermarks, so that an idle partition holds
-- nothing back. Rows are published about once per window (mini-batch), as parts of a row come from several operators.

CREATE TEMPORARY TABLE item_deltas (
  item_id STRING,
  `source` STRING,
  `offset` BIGINT,
  event_time DOUBLE,
  weight DOUBLE,
  `value` DOUBLE,
  `before` ARRAY<ARRAY<STRING>>,
  situation STRING,
  account DOUBLE,
  withheld BOOLEAN,
  counted DOUBLE,
  since DOUBLE,
  log_key STRING,
  log_partition INT{partition},
  log_offset BIGINT{offset},
  arrived AS PROCTIME()
) WITH (
{source}
);

CREATE TEMPORARY TABLE item_statistics (
  item_id STRING,
  -- A row without a version is not published: parts of it are still on their way (`table.exec.sink.not-null-enforcer`).
  version BIGINT NOT NULL,
  `at` DOUBLE,
  first_at DOUBLE,
  `count` BIGINT,
  popularity ARRAY<DOUBLE>,
  feature_time DOUBLE,
  value_sum DOUBLE,
  value_count BIGINT,
  covisits MAP<STRING, DOUBLE>,
  transitions MAP<STRING, DOUBLE>,
  situations ROW<{segment_columns}>,
  people DOUBLE,
  PRIMARY KEY (item_id) NOT ENFORCED
) WITH (
{sink}
);

-- What each delta says, with the defaults of fields that are left out. Deltas beyond the bounds of schemas/statistics.py
-- become dead letters (streams/item_stats/refusals.py), and are not folded. Of a field that cannot be read there is none.
CREATE TEMPORARY VIEW complete AS
SELECT
  item_id, `source`, `offset`, event_time, weight, `value`, `before`, situation, log_partition, log_offset, arrived,
  COALESCE(account, 1E0) AS account, COALESCE(withheld, FALSE) AS withheld,
  COALESCE(counted, 0E0) AS counted, COALESCE(since, 0E0) AS since
FROM item_deltas
WHERE item_id = log_key AND item_id <> '' AND `source` IS NOT NULL AND `offset` >= 0
  AND event_time BETWEEN {earliest} AND UNIX_TIMESTAMP() + {ahead}
  AND weight BETWEEN 0 AND {largest_count}
  AND COALESCE(account, 1E0) BETWEEN 0 AND 1
  AND COALESCE(counted, 0E0) BETWEEN 0 AND {largest_count};

-- The newest offset of each source partition so far, and before this delta. A source's offsets rise, so a delta that is
-- not beyond the newest one before it was delivered before. One number per source partition is all that is kept.
CREATE TEMPORARY VIEW delivered AS
SELECT
  *,
  {covisit_weight} AS covisit_weight,
  {transition_weight} AS transition_weight,
  MAX(`offset`) OVER (
    PARTITION BY log_partition, `source` ORDER BY arrived ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) AS newest
FROM complete;

CREATE TEMPORARY VIEW compared AS
SELECT *, LAG(newest) OVER (PARTITION BY log_partition, `source` ORDER BY arrived) AS newest_before
FROM delivered;

-- Deltas that are folded: each once, none of an account in quarantine.
CREATE TEMPORARY VIEW deltas AS
SELECT *
FROM compared
WHERE (newest_before IS NULL OR `offset` > newest_before) AND NOT withheld;

-- Deltas with their bucket of time. `arrival` says where the delta is in its partition of the topic, and its bucket: the
-- greatest one is of the newest delta that is counted.
CREATE TEMPORARY VIEW placed AS
SELECT *, log_offset * 1024 + CAST(bucket AS BIGINT) + 512 AS arrival
FROM (SELECT *, FLOOR((event_time - {landmark}) / {bucket_seconds}) AS bucket FROM deltas);

-- What needs one sum per item. Long half-lives reach from one landmark over all times that are accepted.
CREATE TEMPORARY VIEW items AS
SELECT
  item_id,
  COUNT(*) AS folded,
  MAX(event_time) AS latest,
  MIN(event_time) AS first_at,
  MAX(event_time - number * 1E-3) AS pace,
  MAX(arrival) AS newest_arrival,
  SUM(COALESCE(`value`, 0E0)) AS value_sum,
  COUNT(`value`) AS value_count,
  SUM(account * {people_added}) AS people,
  {long_sums}
FROM (
  SELECT *, COUNT(*) OVER (
    PARTITION BY item_id ORDER BY arrived ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
  ) AS number
  FROM placed
)
GROUP BY item_id;

-- Short half-lives: sums per bucket of time, each from the landmark in the middle of its bucket.
CREATE TEMPORARY VIEW time_buckets AS
SELECT
  item_id,
  bucket,
  MAX(arrival) AS newest_arrival,
  MAX(event_time) AS latest,
  {bucket_sums}
FROM placed
GROUP BY item_id, bucket;

CREATE TEMPORARY VIEW newest_buckets AS
SELECT item_id, CAST(ROW({bucket_columns}) AS {bucket_type}) AS bucket
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item_id ORDER BY bucket DESC) AS row_rank FROM time_buckets)
WHERE row_rank <= {bucket_count};

-- The items that the same users chose before, each discounted by its rank: one sum per pair of items. Weights come from
-- a map and are filtered, so that the planner sees that sums only rise: then the strongest are kept without the others.
CREATE TEMPORARY VIEW covisits AS
SELECT item_id, neighbour, SUM(neighbour_weight) FILTER (WHERE neighbour_weight > 0) AS weight
FROM deltas CROSS JOIN UNNEST({discounted}) AS earlier (neighbour, neighbour_weight)
WHERE covisit_weight > 0
GROUP BY item_id, neighbour;

CREATE TEMPORARY VIEW strongest_covisits AS
SELECT item_id, CAST(ROW(neighbour, weight) AS {neighbour_type}) AS neighbour
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item_id ORDER BY weight DESC) AS row_rank FROM covisits)
WHERE row_rank <= {neighbours};

-- The items that the same users chose directly before.
CREATE TEMPORARY VIEW transitions AS
SELECT item_id, `before`[1][1] AS neighbour, SUM(transition_weight) AS weight
FROM deltas
WHERE CARDINALITY(`before`) > 0 AND transition_weight > 0
GROUP BY item_id, `before`[1][1];

CREATE TEMPORARY VIEW strongest_transitions AS
SELECT item_id, CAST(ROW(neighbour, weight) AS {neighbour_type}) AS neighbour
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY item_id ORDER BY weight DESC) AS row_rank FROM transitions)
WHERE row_rank <= {predecessors};

-- All parts of an item's row, side by side.
CREATE TEMPORARY VIEW parts AS
SELECT
  item_id,
  ARRAY_AGG(item) FILTER (WHERE part = 1)[1] AS item,
  MAX(covisit_scale) AS covisit_scale,
  MAX(transition_scale) AS transition_scale,
  ARRAY_AGG(bucket) FILTER (WHERE part = 2) AS time_buckets,
  ARRAY_AGG(neighbour) FILTER (WHERE part = 3) AS covisits,
  ARRAY_AGG(neighbour) FILTER (WHERE part = 4) AS transitions
FROM (
  SELECT
    1 AS part,
    item_id,
    CAST(ROW({item_columns}) AS {item_type}) AS item,
    CAST(NULL AS {bucket_type}) AS bucket,
    CAST(NULL AS {neighbour_type}) AS neighbour,
    {covisit_scale} AS covisit_scale,
    {transition_scale} AS transition_scale
  FROM items
  UNION ALL
  SELECT 2, item_id, CAST(NULL AS {item_type}), bucket, CAST(NULL AS {neighbour_type}), CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE)
  FROM newest_buckets
  UNION ALL
  SELECT 3, item_id, CAST(NULL AS {item_type}), CAST(NULL AS {bucket_type}), neighbour, CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE)
  FROM strongest_covisits
  UNION ALL
  SELECT 4, item_id, CAST(NULL AS {item_type}), CAST(NULL AS {bucket_type}), neighbour, CAST(NULL AS DOUBLE), CAST(NULL AS DOUBLE)
  FROM strongest_transitions
)
GROUP BY item_id;

-- Sums from their landmarks become counts as of the item's newest event.
INSERT INTO item_statistics
SELECT
  item_id,
  -- Both parts count the newest delta, or it is too old for any bucket. What one still lacks, the next window publishes.
  -- A bucket that is ahead of the item's newest event would be raised, not lowered.
  CASE
    WHEN GREATEST({bucket_latest}) > item.latest THEN CAST(NULL AS BIGINT)
    WHEN item.newest_arrival = GREATEST({bucket_arrivals}) THEN item.folded
    WHEN MOD(item.newest_arrival, 1024) - 512 <= FLOOR((item.latest - {landmark}) / {bucket_seconds}) - {bucket_count}
      THEN item.folded
  END,
  item.latest,
  item.first_at,
  item.folded,
  ARRAY[{popularity}],
  ROUND(item.pace + item.folded * 1E-3, 3),
  item.value_sum,
  item.value_count,
  {covisits},
  {transitions},
  ROW({segments}),
  item.people
FROM parts;
