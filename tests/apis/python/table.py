"""Says which tokens the libraries of Python accept: JSON on standard input, and on standard output."""

import json
import sys
import warnings
from importlib.metadata import version

import jwt as pyjwt
from authlib.jose import JsonWebToken
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jose import jwt as python_jose
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

# What is deprecated is judged all the same.
warnings.simplefilter("ignore")


def judge_pyjwt(case):
    key = pyjwt.PyJWKClient(case["jwksUri"]).get_signing_key_from_jwt(case["token"])
    pyjwt.decode(case["token"], key, algorithms=[case["alg"]], issuer=case["issuer"], audience=case["audience"])


def judge_python_jose(case):
    key = {"keys": case["jwks"]["keys"]}
    python_jose.decode(case["token"], key, algorithms=[case["alg"]], issuer=case["issuer"], audience=case["audience"])


def judge_joserfc(case):
    keys = joserfc_jwk.KeySet.import_key_set(case["jwks"])
    claims = joserfc_jwt.decode(case["token"], keys, algorithms=[case["alg"]]).claims
    wanted = {"iss": {"essential": True, "value": case["issuer"]}, "aud": {"essential": True, "value": case["audience"]}}
    joserfc_jwt.JWTClaimsRegistry(**wanted).validate(claims)


def judge_authlib(case):
    wanted = {"iss": {"essential": True, "value": case["issuer"]}, "aud": {"essential": True, "value": case["audience"]}}
    JsonWebToken([case["alg"]]).decode(case["token"], case["jwks"], claims_options=wanted).validate()


def judge_jwcrypto(case):
    keys = jwcrypto_jwk.JWKSet.from_json(json.dumps(case["jwks"]))
    wanted = {"iss": case["issuer"], "aud": case["audience"], "exp": None}
    jwcrypto_jwt.JWT(algs=[case["alg"]], expected_type="JWS", check_claims=wanted).deserialize(case["token"], keys)


LIBRARIES = {
    "PyJWT": judge_pyjwt,
    "python-jose": judge_python_jose,
    "joserfc": judge_joserfc,
    "Authlib": judge_authlib,
    "jwcrypto": judge_jwcrypto,
}


def refusal(judge, case):
    try:
        judge(case)
    except Exception as error:  # A library may raise what it likes.
        return f"{type(error).__name__}: {error}"
    return None


cases = json.load(sys.stdin)
print(
    json.dumps(
        {
            name: {"version": version(name), "verdicts": {case["alg"]: refusal(judge, case) for case in cases}}
            for name, judge in LIBRARIES.items()
        }
    )
)
