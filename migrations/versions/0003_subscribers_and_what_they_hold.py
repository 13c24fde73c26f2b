"""subscribers and what they hold

Revision: 0003_subscribers_and_what_they
Follows: 0002_runs_of_the_lab
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stb_service.shared.db import Json, UtcDateTime

revision = "0003_subscribers_and_what_they"
down_revision = "0002_runs_of_the_lab"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "personal_keys",
        sa.Column("ref", sa.String(length=16), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("destroyed_at", UtcDateTime(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "(key IS NULL) = (destroyed_at IS NOT NULL)", name=op.f("ck_personal_keys_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_keys")),
        sa.UniqueConstraint("ref", name=op.f("uq_personal_keys_ref")),
    )
    op.create_table(
        "accounts",
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column(
            "name_key",
            sa.String(length=256).with_variant(sa.String(length=256, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("credit_days", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("dealer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kind IN ('person', 'business')", name=op.f("ck_accounts_kind")),
        sa.CheckConstraint("credit_days BETWEEN 0 AND 365", name=op.f("ck_accounts_credit_days")),
        sa.CheckConstraint("length(currency) = 3", name=op.f("ck_accounts_currency")),
        sa.ForeignKeyConstraint(
            ["dealer_id"], ["organisations.id"], name=op.f("fk_accounts_dealer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("external_id", name=op.f("uq_accounts_external_id")),
        sa.UniqueConstraint("number", name=op.f("uq_accounts_number")),
        sa.UniqueConstraint("ordinal", name=op.f("uq_accounts_ordinal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_accounts_public_id")),
    )
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.create_index("ix_accounts_dealer_id", ["dealer_id", "id"], unique=False)
        batch_op.create_index("ix_accounts_kind_id", ["kind", "id"], unique=False)
        batch_op.create_index("ix_accounts_name_id", ["name_key", "id"], unique=False)

    op.create_table(
        "account_sellers",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "organisation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_sellers_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_account_sellers_organisation_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_sellers")),
        sa.UniqueConstraint(
            "account_id",
            "organisation_id",
            name=op.f("uq_account_sellers_account_id_organisation_id"),
        ),
    )
    with op.batch_alter_table("account_sellers", schema=None) as batch_op:
        batch_op.create_index(
            "ix_account_sellers_organisation", ["organisation_id", "account_id"], unique=False
        )

    op.create_table(
        "account_words",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "word",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_account_words_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_words")),
        sa.UniqueConstraint("account_id", "word", name=op.f("uq_account_words_account_id_word")),
    )
    with op.batch_alter_table("account_words", schema=None) as batch_op:
        batch_op.create_index("ix_account_words_word", ["word", "account_id"], unique=False)

    op.create_table(
        "sites",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("postcode", sa.String(length=16), nullable=False),
        sa.Column("city", sa.String(length=80), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_sites_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sites_public_id")),
    )
    with op.batch_alter_table("sites", schema=None) as batch_op:
        batch_op.create_index("ix_sites_account", ["account_id", "id"], unique=False)
        batch_op.create_index("ix_sites_area", ["country", "postcode"], unique=False)

    op.create_table(
        "subscribers",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("is_holder", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("erased_at IS NULL OR name = ''", name=op.f("ck_subscribers_erased")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_subscribers_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("public_id", name=op.f("uq_subscribers_public_id")),
    )
    with op.batch_alter_table("subscribers", schema=None) as batch_op:
        batch_op.create_index("ix_subscribers_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "uq_subscribers_holder",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("is_holder"),
            postgresql_where=sa.text("is_holder"),
        )

    op.create_table(
        "contacts",
        sa.Column(
            "person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        sa.Column(
            "lookup",
            sa.String(length=254).with_variant(sa.String(length=254, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "lookup_reversed",
            sa.String(length=254).with_variant(sa.String(length=254, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("kind IN ('phone', 'email')", name=op.f("ck_contacts_kind")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["subscribers.id"], name=op.f("fk_contacts_person_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint(
            "person_id", "kind", "value", name=op.f("uq_contacts_person_id_kind_value")
        ),
    )
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.create_index("ix_contacts_lookup", ["kind", "lookup"], unique=False)
        batch_op.create_index(
            "ix_contacts_lookup_reversed", ["kind", "lookup_reversed"], unique=False
        )

    op.create_table(
        "holdings",
        sa.Column(
            "device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "follows_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("tenure", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("proof", sa.String(length=500), nullable=False),
        sa.Column("ended_reason", sa.String(length=500), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint(
            "tenure IN ('sold', 'rented', 'on_loan')", name=op.f("ck_holdings_tenure")
        ),
        sa.CheckConstraint("until IS NULL OR until >= since", name=op.f("ck_holdings_span")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_holdings_account_id")
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_holdings_device_id")),
        sa.ForeignKeyConstraint(
            ["follows_id", "device_id", "since"],
            ["holdings.id", "holdings.device_id", "holdings.until"],
            name=op.f("fk_holdings_follows_id_device_id_since"),
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("fk_holdings_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holdings")),
        sa.UniqueConstraint("follows_id", name=op.f("uq_holdings_follows_id")),
        sa.UniqueConstraint(
            "id", "device_id", "until", name=op.f("uq_holdings_id_device_id_until")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_holdings_public_id")),
    )
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.create_index(
            "ix_holdings_account_since", ["account_id", "since", "id"], unique=False
        )
        batch_op.create_index("ix_holdings_device", ["device_id", "id"], unique=False)
        batch_op.create_index("ix_holdings_site_id", ["site_id"], unique=False)
        batch_op.create_index(
            "uq_holdings_current",
            ["device_id"],
            unique=True,
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_holdings_current",
            sqlite_where=sa.text("until IS NULL"),
            postgresql_where=sa.text("until IS NULL"),
        )
        batch_op.drop_index("ix_holdings_site_id")
        batch_op.drop_index("ix_holdings_device")
        batch_op.drop_index("ix_holdings_account_since")

    op.drop_table("holdings")
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.drop_index("ix_contacts_lookup_reversed")
        batch_op.drop_index("ix_contacts_lookup")

    op.drop_table("contacts")
    with op.batch_alter_table("subscribers", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_subscribers_holder",
            sqlite_where=sa.text("is_holder"),
            postgresql_where=sa.text("is_holder"),
        )
        batch_op.drop_index("ix_subscribers_account")

    op.drop_table("subscribers")
    with op.batch_alter_table("sites", schema=None) as batch_op:
        batch_op.drop_index("ix_sites_area")
        batch_op.drop_index("ix_sites_account")

    op.drop_table("sites")
    with op.batch_alter_table("account_words", schema=None) as batch_op:
        batch_op.drop_index("ix_account_words_word")

    op.drop_table("account_words")
    with op.batch_alter_table("account_sellers", schema=None) as batch_op:
        batch_op.drop_index("ix_account_sellers_organisation")

    op.drop_table("account_sellers")
    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_index("ix_accounts_name_id")
        batch_op.drop_index("ix_accounts_kind_id")
        batch_op.drop_index("ix_accounts_dealer_id")

    op.drop_table("accounts")
    op.drop_table("personal_keys")
