"""Pages of one's own account: sign-in, settings, password, sign-ins and tokens."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from stb_service.shared.access import public, requires
from stb_service.shared.errors import DomainError, Invalid, NotFound
from stb_service.shared.http import current_actor, read_form, unit
from stb_service.shared.http.pages import form_page, same_site, see_other
from stb_service.shared.http.unit import request_time
from stb_service.shared.i18n import LANGUAGES, text
from stb_service.staff import operations, queries, signin
from stb_service.staff.models import ApiToken
from stb_service.staff.rules import THEME_NAMES, digest
from stb_service.staff.schemas import OwnPasswordForm, SettingsForm, SignInForm, TokenForm

sign_in_pages = Blueprint("staff_sign_in", __name__, template_folder="templates")
self_pages = Blueprint("staff_self", __name__, template_folder="templates", url_prefix="/me")


class SignInRefused(DomainError):
    """The sign-in was refused."""

    status = 422


def time_zones() -> list[str]:
    """Return the zones people choose from: UTC and places."""
    return ["UTC", *sorted(z for z in available_timezones() if "/" in z and z[:4] != "Etc/")]


@sign_in_pages.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    """Ask for name and password; afterwards go where the person wanted to go."""
    target = same_site(request.args.get("next"))
    if request.method == "GET" and session.get("secret"):
        return redirect(target)

    def save() -> ResponseReturnValue:
        form = read_form(SignInForm())
        if not signin.start(
            username=form["username"][:256], password=form["password"][:256], now=request_time()
        ):
            raise SignInRefused(text("User name or password is wrong."), code="wrong")
        return redirect(target, 303)

    return form_page("staff/sign_in.html", save)


sign_in.limits = "20 per minute"  # type: ignore[attr-defined]


@sign_in_pages.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """End this sign-in."""
    if secret := session.get("secret"):
        operations.sign_out(unit(), secret=secret, now=request_time())
    session.clear()
    return see_other("staff_sign_in.sign_in")


@self_pages.route("", methods=["GET", "POST"])
@requires("self.use")
def settings() -> ResponseReturnValue:
    """Show and change what a person decides for themselves."""
    person = signin.current_person()

    def save() -> ResponseReturnValue:
        form = read_form(SettingsForm())
        operations.change_own_settings(
            unit(), person=person, **form, actor=current_actor(), now=request_time()
        )
        flash(_("Your settings are kept."))
        return see_other("staff_self.settings")

    values = {
        "name": person.name,
        "email": person.email,
        "language": person.language,
        "timezone": person.timezone,
        "theme": person.theme,
    }
    return form_page(
        "staff/settings.html",
        save,
        values=values,
        person=person,
        sessions=lambda: queries.sessions_of(unit(), person, now=request_time()),
        this_digest=digest(session.get("secret", "")),
        languages=[("", _("As the browser")), *LANGUAGES.items()],
        zones=[("", _("The operator's")), *((zone, zone) for zone in time_zones())],
        themes=THEME_NAMES.items,
    )


@self_pages.post("/sessions/end")
@requires("self.use")
def end_sessions() -> ResponseReturnValue:
    """Sign out everywhere else."""
    operations.end_sessions(
        unit(),
        person=signin.current_person(),
        except_secret=session.get("secret"),
        actor=current_actor(),
        now=request_time(),
    )
    flash(_("You are signed out everywhere else."))
    return see_other("staff_self.settings")


@self_pages.post("/sessions/<ref>/end")
@requires("self.use")
def end_session(ref: str) -> ResponseReturnValue:
    """Sign out in one other browser."""
    end_own_session(ref)
    flash(_("You are signed out there."))
    return see_other("staff_self.settings")


def end_own_session(ref: str) -> None:
    """End one of the own sign-ins.

    Raises:
        NotFound: there is none of this id.
    """
    ended = operations.end_sessions(
        unit(),
        person=signin.current_person(),
        only=ref,
        actor=current_actor(),
        now=request_time(),
    )
    if not ended:
        raise NotFound(text("There is no such sign-in."))


@self_pages.route("/password", methods=["GET", "POST"])
@requires("self.use")
def password() -> ResponseReturnValue:
    """Change the own password."""

    def save() -> ResponseReturnValue:
        form = read_form(OwnPasswordForm())
        if form["new"] != form["again"]:
            raise Invalid.field("again", text("The two new passwords differ."))
        change_own_password(old=form["old"], new=form["new"], keep_secret=session.get("secret"))
        flash(_("Your password is changed; every other sign-in of yours has ended."))
        return redirect("/", 303)

    return form_page("staff/password.html", save, person=signin.current_person)


password.limits = "20 per minute"  # type: ignore[attr-defined]


def change_own_password(*, old: str, new: str, keep_secret: str | None) -> None:
    """Change the password of whoever makes the request.

    Raises:
        Invalid: the present password is wrong, or the new one not acceptable.
    """
    check = signin.prove_password(old, now=request_time())
    username = current_actor().label
    wanted = signin.hashed(new, username=username)
    operations.change_password(
        unit(),
        person=signin.current_person(),
        old=check,
        new=wanted,
        keep_secret=keep_secret,
        actor=current_actor(),
        now=request_time(),
    )
    signin.drop_first_password(username)


@self_pages.route("/tokens", methods=["GET", "POST"])
@requires("self.use")
def tokens() -> ResponseReturnValue:
    """List the own tokens and make one; its secret is on the answer and nowhere else."""
    person = signin.current_person()

    def save() -> ResponseReturnValue:
        form = read_form(TokenForm())
        token, secret = operations.create_token(
            unit(), person=person, **form, actor=current_actor(), now=request_time()
        )
        return render_template("staff/token_made.html", token=token, secret=secret)

    return form_page(
        "staff/tokens.html",
        save,
        values={"name": "", "days": 365},
        tokens=lambda: queries.tokens_of(unit(), person),
    )


@self_pages.post("/tokens/<ref>/revoke")
@requires("self.use")
def revoke_token(ref: str) -> ResponseReturnValue:
    """End one of the own tokens."""
    token = own_token(ref)
    operations.revoke_token(unit(), token=token, actor=current_actor(), now=request_time())
    flash(str(text("The token %(name)s is revoked.", name=token.name)))
    return redirect(url_for("staff_self.tokens"), 303)


def own_token(ref: str) -> ApiToken:
    """Return one of the own living tokens.

    Raises:
        NotFound: there is none.
    """
    for token in queries.tokens_of(unit(), signin.current_person()):
        if token.public_id == ref:
            return token
    raise NotFound(text("There is no such token."))
