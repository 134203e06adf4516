"""The table of tools: one row each. What an agent may do beside planning is here, and nothing else.

Adding a tool is a file in `agents/actions/tools/` and a row.
"""

from __future__ import annotations

from agents.actions.tool import ASKING_SECONDS, Tool, tool
from agents.actions.tools.abstain import abstain
from agents.actions.tools.ask_user import ask_user
from agents.actions.tools.availability import availability
from agents.actions.tools.history import history
from agents.actions.tools.item_facts import item_facts
from agents.actions.tools.outside_knowledge import outside_knowledge
from agents.actions.tools.recall_memories import recall_memories
from agents.actions.tools.recommend import recommend
from agents.actions.tools.search_by_photo import search_by_photo
from agents.actions.tools.search_items import search_items
from agents.actions.tools.similar_items import similar_items
from agents.actions.tools.trending_items import trending_items

TOOLS: tuple[Tool, ...] = (
    tool(recall_memories, "memories"),
    tool(history, "memories"),
    tool(search_items, "lists"),
    tool(search_by_photo, "lists"),
    tool(similar_items, "lists"),
    tool(trending_items, "lists"),
    tool(item_facts, "lists"),
    tool(availability, "lists"),
    tool(outside_knowledge, "lists"),
    tool(ask_user, "lists", seconds=ASKING_SECONDS, with_user=True),
    tool(recommend, "lists", with_user=True),
    tool(abstain, "none"),
)
