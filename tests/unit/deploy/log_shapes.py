"""Small synthetic files in the shapes of common logs; by section of `guides/bring-your-log.md`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, str]


def lines(*rows: object) -> str:
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


def ga4(name: str, at: int, *items: str) -> object:
    return {
        "event_date": "20201201",
        "event_timestamp": str(at),
        "event_name": name,
        "event_params": [
            {"key": "ga_session_id", "value": {"string_value": None, "int_value": 7}},
            {"key": "page_title", "value": {"string_value": "Home", "int_value": None}},
        ],
        "user_pseudo_id": "1026454.4271112504",
        "device": {"category": "mobile"},
        "items": [{"item_id": item, "item_name": f"Thing {item}", "price": 5} for item in items],
    }


def segment(event: str, at: str, properties: object) -> object:
    return {"type": "track", "event": event, "userId": "u1", "timestamp": at, "properties": properties}


def snowplow(event: str, at: str, sku: str) -> object:
    products = [{"sku": sku, "price": 3.5}]
    return {
        "event_name": event,
        "domain_userid": "bc2e92ec6c204a14",
        "collector_tstamp": at,
        "contexts_com_shop_product_1": products,
    }


SHAPES: dict[str, Files] = {
    "RetailRocket": {
        "events.csv": lines(
            "timestamp,visitorid,event,itemid,transactionid",
            "1433221332117,257597,view,355908,",
            "1433224214164,992329,addtocart,248676,",
            "1433222276276,599528,transaction,356475,4000",
        ),
    },
    "Yoochoose": {
        "yoochoose-clicks.dat": lines(
            "1,2014-04-07T10:51:09.277Z,214536502,0",
            "1,2014-04-07T10:54:09Z,0214536500,0",
            "2,2014-04-07T13:56:37.614Z,214662742,S",
        ),
        "yoochoose-buys.dat": lines("420374,2014-04-06T18:44:58.314Z,214537888,12462,1"),
    },
    "Last.fm 1K": {
        "userid-timestamp-artid-artname-traid-traname.tsv": lines(
            'user_000001\t2009-05-04T23:08:57Z\tf1b1\tDeep Dish\tt1\t"Heroes',
            'user_000001\t2009-05-04T13:54:10Z\ta7f7\t坂本龍一\tt2\tComposition 12" Remix',
            "user_000002\t2009-05-04T13:52:04Z\ta7f7\t坂本龍一\t\tBibo No Aozora",
        ),
    },
    "MovieLens": {
        "ml-100k.inter": lines(
            "user_id:token\titem_id:token\trating:float\ttimestamp:float",
            "196\t242\t3\t881250949",
            "186\t302\t3\t891717742",
        ),
        "ml-100k.item": lines(
            "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
            "242\tKolya\t1996\tComedy",
            "302\tL.A. Confidential\t1997\tCrime Film-Noir Mystery",
        ),
        "u.data": lines("196\t242\t3\t881250949", "186\t302\t3\t891717742"),
        "u.item": lines(
            "242|Kolya (1996)|24-Jan-1997||https://x/242|0|1", "302|L.A. (1997)|01-Jan-1997||https://x|1|0"
        ),
        "ratings.dat": lines("1::1193::5::978300760", "1::661::3::978302109", "2::1193::4::978298413"),
        "movies.dat": lines("1193::One Flew Over the Cuckoo's Nest (1975)::Drama", "661::Caf\xe9 (1996)::Comedy|Drama"),
        "ratings.csv": lines("userId,movieId,rating,timestamp", "1,1,4.0,964982703", "1,3,4.5,964981247"),
        "movies.csv": lines(
            "movieId,title,genres", "1,Toy Story (1995),Adventure|Animation", '3,"Heat, The (1995)",Action'
        ),
    },
    "MIND": {
        "behaviors.tsv": lines(
            "1\tU13740\t11/11/2019 9:05:58 AM\tN55189 N42782\tN55689-1 N35729-0",
            "2\tU91836\t11/12/2019 6:11:30 PM\tN31739\tN20678-0 N39317-1 N58114-1",
        ),
        "news.tsv": lines(
            "N55689\tlifestyle\tlifestyleroyals\tThe Brands, Queen Swears By\tShop them\thttps://x/1\t[]\t[]",
            "N39317\thealth\tweightloss\t50 Worst Habits\tThese\thttps://x/2\t[]\t[]",
        ),
    },
    "Amazon reviews": {
        "Gift_Cards.jsonl": lines(
            {
                "rating": 5.0,
                "title": "!",
                "asin": "B00IX",
                "parent_asin": "B00IP",
                "user_id": "AG",
                "timestamp": 1549866158332,
            },
            {
                "rating": 1.0,
                "title": "?",
                "asin": "B00IY",
                "parent_asin": "B00IQ",
                "user_id": "AH",
                "timestamp": 1549866159332,
            },
        ),
        "meta_Gift_Cards.jsonl": lines(
            {
                "main_category": "Gift Cards",
                "title": "A card, with a comma",
                "price": None,
                "parent_asin": "B00IP",
                "categories": ["Gift Cards", "Occasions"],
                "description": ["One.", "Two."],
                "images": [{"thumb": "https://x/t.jpg", "large": "https://x/l.jpg"}],
            },
            {"title": "Other", "price": "12.99", "parent_asin": "B00IQ", "categories": [], "description": []},
        ),
        "AMAZON_FASHION_5.json.gz": lines(
            {
                "overall": 5.0,
                "reviewerID": "ALJ",
                "asin": "B005",
                "unixReviewTime": 1368489600,
                "reviewTime": "05 14, 2013",
            },
            {
                "overall": 4.0,
                "reviewerID": "ALK",
                "asin": "B006",
                "unixReviewTime": 1368576000,
                "reviewTime": "05 15, 2013",
            },
        ),
    },
    "H&M": {
        "transactions_train.csv": lines(
            "t_dat,customer_id,article_id,price,sales_channel_id",
            "2018-09-20,000058a12d5b,0663713001,0.050830508474576264,2",
            "2018-09-20,000058a12d5b,0541518023,0.030491525423728816,2",
        ),
        "articles.csv": lines(
            "article_id,prod_name,product_type_name,colour_group_name,detail_desc",
            "0663713001,Atlanta Push Body,Underwear body,Black,Lace push-up body",
            '0541518023,Rae Push,Bra,Light Pink,"Bras, with wired cups"',
        ),
    },
    "Instacart": {
        "orders.csv": lines(
            "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order",
            "2539329,1,prior,1,2,08,",
            "2398795,1,prior,2,3,07,15.0",
        ),
        "order_products__prior.csv": lines(
            "order_id,product_id,add_to_cart_order,reordered", "2539329,196,1,0", "2398795,196,1,1", "2398795,10258,2,0"
        ),
    },
    "Steam": {
        "recommendations.csv": lines(
            "app_id,helpful,funny,date,is_recommended,hours,user_id,review_id",
            "975370,0,0,2022-12-12,true,36.3,51580,0",
            "304390,4,0,2017-02-17,false,11.5,2586,1",
        ),
        "steam_reviews.json": lines(
            "{u'username': u'Chaos', u'hours': 0.1, u'product_id': u'72', u'date': u'2017-12-17', u'text': u'It\\'s'}",
            "{u'username': u'Ariman', u'hours': 13.2, u'product_id': u'328100', u'date': u'2018-01-02', u'text': u'x'}",
        ),
    },
    "Google Analytics 4": {
        "ga4.jsonl": lines(
            ga4("page_view", 1606780800123456),
            ga4("view_item", 1606780801123456, "GGOE01"),
            ga4("purchase", 1606780802123456, "GGOE01", "GGOE02"),
        ),
        "universal.csv": lines("ga:clientId,ga:productSku,ga:dateHourMinute", "1.2,SKU1,202001011005"),
    },
    "Segment": {
        "segment.jsonl": lines(
            segment("Product Viewed", "2020-01-01T10:00:00.000Z", {"product_id": "507f1f77", "price": 18.99}),
            segment(
                "Order Completed", "2020-01-01T10:09:00.000Z", {"products": [{"product_id": "a"}, {"product_id": "b"}]}
            ),
        ),
    },
    "Snowplow": {
        "snowplow.jsonl": lines(
            snowplow("product_view", "2020-01-01 10:00:00.123", "a"),
            snowplow("add_to_cart", "2020-01-01T10:01:00Z", "b"),
        ),
    },
}


def write(section: str, folder: Path) -> None:
    """Write the files of a section; the films of MovieLens 1M are in latin-1, like the originals."""
    for name, text in SHAPES[section].items():
        data = text.encode("latin-1" if name == "movies.dat" else "utf-8")
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
