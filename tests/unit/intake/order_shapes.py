"""One order in every shape that orders are read from, written by hand after Shopify's documentation. Nobody bought this."""

from typing import Any

UUID = "be6f5fab-32a4-43e5-967c-68017baa3aa5"

REST: dict[str, Any] = {
    "id": 4500000000001,
    "admin_graphql_api_id": "gid://shopify/Order/4500000000001",
    "created_at": "2025-06-01T10:00:05-04:00",
    "processed_at": "2025-06-01T10:00:00-04:00",
    "updated_at": "2025-06-02T10:00:00-04:00",
    "cancelled_at": None,
    "test": False,
    "currency": "EUR",
    "presentment_currency": "USD",
    "cart_token": "c1-0123456789abcdef?key=0123456789",
    "checkout_token": "fedcba9876543210",
    "email": "buyer@shop.example",
    "contact_email": "buyer@shop.example",
    "phone": "+15550100",
    "browser_ip": "203.0.113.7",
    "note": "Ring twice",
    "note_attributes": [{"name": "gift", "value": "yes"}, {"name": "_footfall_uuid", "value": UUID.upper()}],
    "billing_address": {"first_name": "First", "address1": "1 Sample Street", "zip": "10115", "phone": "+15550100"},
    "shipping_address": {"first_name": "First", "address1": "1 Sample Street", "zip": "10115"},
    "customer": {
        "id": 6200000000001,
        "email": "buyer@shop.example",
        "first_name": "First",
        "last_name": "Last",
        "default_address": {"address1": "1 Sample Street"},
    },
    "line_items": [
        {
            "id": 11000000000001,
            "product_id": 5630650697948,
            "variant_id": 36000000000001,
            "quantity": 2,
            "price": "21.99",
            "price_set": {
                "shop_money": {"amount": "19.90", "currency_code": "EUR"},
                "presentment_money": {"amount": "21.99", "currency_code": "USD"},
            },
            "total_discount": "0.00",
            "discount_allocations": [
                {"amount": "2.20", "amount_set": {"shop_money": {"amount": "1.99", "currency_code": "EUR"}}},
                {"amount": "0.02", "amount_set": {"shop_money": {"amount": "0.01", "currency_code": "EUR"}}},
            ],
            "title": "Classic Beanie",
            "variant_title": "Red",
            "sku": "BEANIE-RED",
            "vendor": "Northwind",
            "properties": [
                {"name": "_source", "value": "Footfall"},
                {"name": "_widget_id", "value": 42},
                {"name": "engraving", "value": "For somebody"},
            ],
        },
        {"id": 11000000000002, "product_id": None, "variant_id": None, "quantity": 1, "price": "5.00", "title": "Tip"},
    ],
    "refunds": [
        {
            "id": 7700000000001,
            "created_at": "2025-06-02T09:00:00-04:00",
            "note": "Too small",
            "refund_line_items": [
                {
                    "id": 1,
                    "line_item_id": 11000000000001,
                    "quantity": 1,
                    "subtotal": 20.89,
                    "subtotal_set": {"shop_money": {"amount": "18.90", "currency_code": "EUR"}},
                }
            ],
        }
    ],
}

REFUND: dict[str, Any] = {
    "id": 7700000000001,
    "order_id": 4500000000001,
    "created_at": "2025-06-02T09:00:00-04:00",
    "note": "Too small",
    "refund_line_items": REST["refunds"][0]["refund_line_items"],
}

_ORDER = "gid://shopify/Order/4500000000001"
_REFUND = "gid://shopify/Refund/7700000000001"
_NODE: dict[str, Any] = {
    "id": _ORDER,
    "createdAt": "2025-06-01T14:00:05Z",
    "processedAt": "2025-06-01T14:00:00Z",
    "updatedAt": "2025-06-02T14:00:00Z",
    "cancelledAt": None,
    "test": False,
    "currencyCode": "EUR",
    "email": "buyer@shop.example",
    "customAttributes": [{"key": "_footfall_uuid", "value": UUID}],
    "customer": {"id": "gid://shopify/Customer/6200000000001", "firstName": "First", "lastName": "Last"},
}
_LINES: list[dict[str, Any]] = [
    {
        "id": "gid://shopify/LineItem/11000000000001",
        "quantity": 2,
        "title": "Classic Beanie",
        "variantTitle": "Red",
        "sku": "BEANIE-RED",
        "vendor": "Northwind",
        "product": {"id": "gid://shopify/Product/5630650697948"},
        "variant": {"id": "gid://shopify/ProductVariant/36000000000001"},
        "originalUnitPriceSet": {"shopMoney": {"amount": "19.90", "currencyCode": "EUR"}},
        "discountAllocations": [
            {"allocatedAmountSet": {"shopMoney": {"amount": "1.99"}}},
            {"allocatedAmountSet": {"shopMoney": {"amount": "0.01"}}},
        ],
        "customAttributes": [
            {"key": "_source", "value": "Footfall"},
            {"key": "_widget_id", "value": "42"},
            {"key": "engraving", "value": "For somebody"},
        ],
    },
    {
        "id": "gid://shopify/LineItem/11000000000002",
        "quantity": 1,
        "title": "Tip",
        "product": None,
        "variant": None,
        "originalUnitPriceSet": {"shopMoney": {"amount": "5.00"}},
    },
]
_REFUNDED: dict[str, Any] = {
    "lineItem": {"id": "gid://shopify/LineItem/11000000000001"},
    "quantity": 1,
    "subtotalSet": {"shopMoney": {"amount": "18.90"}},
}

NODE: dict[str, Any] = {
    **_NODE,
    "lineItems": {"edges": [{"node": line} for line in _LINES]},
    "refunds": [{"id": _REFUND, "createdAt": "2025-06-02T13:00:00Z", "refundLineItems": {"nodes": [_REFUNDED]}}],
}

BULK: list[dict[str, Any]] = [
    {**_NODE, "refunds": [{"id": _REFUND, "createdAt": "2025-06-02T13:00:00Z"}]},
    {**_LINES[0], "__parentId": _ORDER},
    {**_LINES[1], "__parentId": _ORDER},
    {**_REFUNDED, "__parentId": _REFUND},
]
