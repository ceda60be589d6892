"""Serves Canaille on SQLite, with the users and the client that the tests name in one argument of JSON."""

import json
import sys

from canaille import create_app
from canaille.backends import Backend

options = json.loads(sys.argv[1])

app = create_app(
    {
        "SECRET_KEY": "a key of the tests",
        # Another site than the auth server's `localhost`, as a provider's is.
        "SERVER_NAME": f"127.0.0.1:{options['port']}",
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE": {
            # Its database in memory finds what has any of the values that are asked for.
            "DATABASE": "sql",
            "ACL": {"DEFAULT": {"PERMISSIONS": ["use_oidc"], "READ": ["user_name"]}},
        },
        "CANAILLE_SQL": {
            "DATABASE_URI": f"sqlite:///{options['database']}",
            "PASSWORD_HASH_PARAMS": {"pbkdf2_sha512__rounds": 1_000},
        },
        # Its database refuses an access token that it has, as two of one second with the same claims are.
        "CANAILLE_OIDC": {
            "USERINFO_MAPPING": {"WEBSITE": "https://example.org/{{ range(10 ** 9) | random }}"},
        },
    }
)


@app.after_request
def say_that_tokens_live(response):
    """Says another life of access tokens than they have, if the test wants one: it is that of their refresh tokens, too."""
    said = options.get("said_seconds")
    if said is not None and response.is_json and "expires_in" in response.json:
        response.data = json.dumps({**response.json, "expires_in": said})
    return response



with app.app_context():
    # The classes are known once there is an app.
    from canaille.app import models

    for name, password in options["users"].items():
        user = models.User(
            user_name=name,
            formatted_name=name,
            family_name=name,
            emails=[f"{name}@example.org"],
            password=password,
        )
        Backend.instance.save(user)
    client = models.Client(**options["client"])
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)

# In a thread each: browsers open connections ahead, and send nothing on some.
app.run(host="127.0.0.1", port=options["port"], threaded=True)
