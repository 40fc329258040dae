select
    video_id,
    creator_id,
    duration_ms
from {{ source('catalogue', 'videos') }}
where platform = {{ platform() }}
