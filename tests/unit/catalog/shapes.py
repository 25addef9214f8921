"""One product in every shape that a catalog is read from, written by hand after Shopify's documentation."""

from typing import Any

ADMIN: dict[str, Any] = {
    "id": 5630650697948,
    "title": "Classic Beanie",
    "body_html": "<p>Warm &amp; <b>soft</b>.</p>",
    "vendor": "Northwind",
    "product_type": "Hats",
    "created_at": "2025-01-02T10:00:00-05:00",
    "handle": "classic-beanie",
    "updated_at": "2025-06-01T10:00:00-04:00",
    "published_at": "2025-01-03T10:00:00-05:00",
    "template_suffix": None,
    "published_scope": "web",
    "tags": "winter, wool",
    "status": "active",
    "admin_graphql_api_id": "gid://shopify/Product/5630650697948",
    "variants": [
        {
            "id": 36000000000001,
            "product_id": 5630650697948,
            "title": "Red",
            "price": "19.90",
            "position": 1,
            "inventory_policy": "deny",
            "compare_at_price": "29.90",
            "option1": "Red",
            "option2": None,
            "option3": None,
            "taxable": True,
            "barcode": "4006381333931",
            "sku": "BEANIE-RED",
            "weight": 0.12,
            "weight_unit": "kg",
            "inventory_item_id": 38000000000001,
            "inventory_quantity": 3,
            "inventory_management": "shopify",
            "image_id": 15000000000001,
        },
        {
            "id": 36000000000002,
            "product_id": 5630650697948,
            "title": "Blue",
            "price": "21.00",
            "inventory_policy": "deny",
            "compare_at_price": None,
            "option1": "Blue",
            "sku": "BEANIE-BLUE",
            "inventory_item_id": 38000000000002,
            "inventory_quantity": 0,
            "inventory_management": "shopify",
            "image_id": None,
        },
    ],
    "options": [{"id": 1, "product_id": 5630650697948, "name": "Color", "position": 1, "values": ["Red", "Blue"]}],
    "images": [
        {
            "id": 15000000000001,
            "alt": "A red beanie",
            "position": 1,
            "product_id": 5630650697948,
            "width": 800,
            "height": 600,
            "src": "https://cdn.example/beanie-red.jpg",
            "variant_ids": [36000000000001],
        }
    ],
    "image": {"id": 15000000000001, "src": "https://cdn.example/beanie-red.jpg"},
}

STOREFRONT: dict[str, Any] = {
    "id": 5630650697948,
    "title": "Classic Beanie",
    "handle": "classic-beanie",
    "body_html": "<p>Warm &amp; <b>soft</b>.</p>",
    "published_at": "2025-01-03T10:00:00-05:00",
    "created_at": "2025-01-02T10:00:00-05:00",
    "updated_at": "2025-06-01T10:00:00-04:00",
    "vendor": "Northwind",
    "product_type": "Hats",
    "tags": ["winter", "wool"],
    "variants": [
        {
            "id": 36000000000001,
            "title": "Red",
            "option1": "Red",
            "option2": None,
            "option3": None,
            "sku": "BEANIE-RED",
            "requires_shipping": True,
            "taxable": True,
            "featured_image": None,
            "available": True,
            "price": "19.90",
            "grams": 120,
            "compare_at_price": "29.90",
            "position": 1,
            "product_id": 5630650697948,
        },
        {"id": 36000000000002, "title": "Blue", "option1": "Blue", "sku": "BEANIE-BLUE", "available": False, "price": "21.00"},
    ],
    "images": [
        {
            "id": 15000000000001,
            "position": 1,
            "product_id": 5630650697948,
            "variant_ids": [],
            "src": "https://cdn.example/beanie-red.jpg",
            "width": 800,
            "height": 600,
        }
    ],
    "options": [{"name": "Color", "position": 1, "values": ["Red", "Blue"]}],
}

BULK: list[dict[str, Any]] = [
    {
        "id": "gid://shopify/Product/5630650697948",
        "title": "Classic Beanie",
        "handle": "classic-beanie",
        "descriptionHtml": "<p>Warm &amp; <b>soft</b>.</p>",
        "vendor": "Northwind",
        "productType": "Hats",
        "tags": ["winter", "wool"],
        "status": "ACTIVE",
        "publishedAt": "2025-01-03T15:00:00Z",
        "createdAt": "2025-01-02T15:00:00Z",
        "updatedAt": "2025-06-01T14:00:00Z",
        "options": [{"name": "Color", "position": 1, "values": ["Red", "Blue"]}],
    },
    {
        "id": "gid://shopify/ProductVariant/36000000000001",
        "title": "Red",
        "price": "19.90",
        "compareAtPrice": "29.90",
        "sku": "BEANIE-RED",
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 3,
        "availableForSale": True,
        "selectedOptions": [{"name": "Color", "value": "Red"}],
        "inventoryItem": {"id": "gid://shopify/InventoryItem/38000000000001", "tracked": True},
        "__parentId": "gid://shopify/Product/5630650697948",
    },
    {
        "id": "gid://shopify/Metafield/1",
        "namespace": "care",
        "key": "washing",
        "value": "cold",
        "type": "single_line_text_field",
        "__parentId": "gid://shopify/ProductVariant/36000000000001",
    },
    {
        "id": "gid://shopify/ProductVariant/36000000000002",
        "title": "Blue",
        "price": "21.00",
        "compareAtPrice": None,
        "sku": "BEANIE-BLUE",
        "inventoryPolicy": "DENY",
        "inventoryQuantity": 0,
        "selectedOptions": [{"name": "Color", "value": "Blue"}],
        "inventoryItem": {"id": "gid://shopify/InventoryItem/38000000000002", "tracked": True},
        "__parentId": "gid://shopify/Product/5630650697948",
    },
    {
        "id": "gid://shopify/ProductImage/15000000000001",
        "url": "https://cdn.example/beanie-red.jpg",
        "altText": "A red beanie",
        "width": 800,
        "height": 600,
        "__parentId": "gid://shopify/Product/5630650697948",
    },
    {
        "id": "gid://shopify/Metafield/2",
        "namespace": "custom",
        "key": "material",
        "value": "wool",
        "type": "single_line_text_field",
        "__parentId": "gid://shopify/Product/5630650697948",
    },
    {"id": "gid://shopify/Collection/7", "__parentId": "gid://shopify/Product/5630650697948"},
]

CSV = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,\
Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Image Src,\
Image Position,Image Alt Text,Price / DE,Status
classic-beanie,Classic Beanie,"<p>Warm &amp; <b>soft</b>.</p>",Northwind,Hats,"winter, wool",TRUE,Color,Red,BEANIE-RED,120,\
shopify,3,deny,19.90,29.90,https://cdn.example/beanie-red.jpg,1,A red beanie,17.50,active
classic-beanie,,,,,,,,Blue,BEANIE-BLUE,120,shopify,0,deny,21.00,,,,,,
classic-beanie,,,,,,,,,,,,,,,,https://cdn.example/beanie-back.jpg,2,,,
mug,Mug,"Two
lines",Northwind,Cups,,FALSE,Title,Default Title,MUG,300,,0,continue,8.00,,,,,,draft
"""
