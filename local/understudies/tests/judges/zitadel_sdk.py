"""The official Zitadel SDK's ordinary calls, one line of JSON for each answer.

Arguments: the issuer, an administrator's personal access token, the authority's certificate.
"""

import base64
import json
import sys
import tempfile
import time

import zitadel_client as z
from zitadel_client import Zitadel
from zitadel_client.exceptions import ApiError, ZitadelError
from zitadel_client.transport_options import TransportOptions

issuer, token, authority = sys.argv[1:]
transport = TransportOptions(ca_cert_path=authority)


def told(call, make):
    """Makes a call, tells its answer, and gives it back; None where it was refused."""
    line, answer = {"call": call}, None
    try:
        answer = make()
        line["answer"] = answer.to_dict()
    except ApiError as error:
        line["refused"] = {"status": error.code, "body": error.response_body}
    except ZitadelError as error:
        line["refused"] = {"error": str(error)}
    print(json.dumps(line, default=str), flush=True)
    return answer


def seen(user):
    """Waits until a new user can be read: reads lag behind writes, and the real server says so too."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            admin.users.get_user_by_id(z.UserServiceGetUserByIDRequest(userId=user))
            return
        except ApiError as error:
            if error.code != 404:
                raise
            time.sleep(0.02)


def who_am_i(call, client):
    """Logs in and lists the organisations: the SDK gets its token on the way."""
    return told(call, lambda: client().organizations.list_organizations(
        z.OrganizationServiceListOrganizationsRequest()))


def by_token(token):
    return Zitadel.with_access_token(issuer, token, transport_options=transport)


def by_secret(secret):
    return Zitadel.with_client_credentials(issuer, "robot", secret, transport_options=transport)


def by_key():
    return Zitadel.with_private_key(issuer, key_file.name, transport_options=transport)


# The administrator, by token.
admin = by_token(token)
organizations = who_am_i("organizations by token", lambda: admin)
organization = organizations.result[0].id
told("get_instance_features", lambda: admin.features.get_instance_features(
    z.FeatureServiceGetInstanceFeaturesRequest()))
told("list_web_keys", lambda: admin.webkeys.list_web_keys())

# People.
profile, email = {"givenName": "Ada", "familyName": "Lovelace"}, {"email": "ada@judge.test", "isVerified": True}
new = z.UserServiceAddHumanUserRequest(
    username="ada",
    profile=z.UserServiceSetHumanProfile(**profile),
    email=z.UserServiceSetHumanEmail(**email),
    password=z.UserServicePassword(password="Correct-horse-9", changeRequired=False),
)
person = told("add_human_user", lambda: admin.users.add_human_user(new)).user_id
told("add_human_user twice", lambda: admin.users.add_human_user(new))
other = z.UserServiceHuman(profile=z.UserServiceProfile(**profile), email=z.UserServiceSetHumanEmail(**email))
second = told("create_user human", lambda: admin.users.create_user(z.UserServiceCreateUserRequest(
    organizationId=organization, username="ada-again", human=other))).id
seen(person)
seen(second)
by_id = z.UserServiceGetUserByIDRequest(userId=person)
told("get_user_by_id", lambda: admin.users.get_user_by_id(by_id))
named = z.UserServiceSearchQuery(userNameQuery=z.UserServiceUserNameQuery(userName="ada"))
told("list_users", lambda: admin.users.list_users(z.UserServiceListUsersRequest(queries=[named])))
told("list_users all", lambda: admin.users.list_users(z.UserServiceListUsersRequest()))
metadata = z.UserServiceMetadata(key="canary", value=base64.b64encode(b"a yellow bird").decode())
told("set_user_metadata", lambda: admin.users.set_user_metadata(
    z.UserServiceSetUserMetadataRequest(userId=person, metadata=[metadata])))
told("list_user_metadata", lambda: admin.users.list_user_metadata(
    z.UserServiceListUserMetadataRequest(userId=person)))
told("set_password", lambda: admin.users.set_password(z.UserServiceSetPasswordRequest(
    userId=person, newPassword=z.UserServicePassword(password="Another-horse-9"))))

# A session: the person's password is checked.
def session(password):
    return z.SessionServiceCreateSessionRequest(checks=z.SessionServiceChecks(
        user=z.SessionServiceCheckUser(loginName="ada"),
        password=z.SessionServiceCheckPassword(password=password),
    ))


told("create_session old password", lambda: admin.sessions.create_session(session("Correct-horse-9")))
opened = told("create_session", lambda: admin.sessions.create_session(session("Another-horse-9")))
told("get_session", lambda: admin.sessions.get_session(
    z.SessionServiceGetSessionRequest(sessionId=opened.session_id)))
who_am_i("organizations by session", lambda: by_token(opened.session_token))
told("delete_session", lambda: admin.sessions.delete_session(
    z.SessionServiceDeleteSessionRequest(sessionId=opened.session_id)))
told("get_session deleted", lambda: admin.sessions.get_session(
    z.SessionServiceGetSessionRequest(sessionId=opened.session_id)))

# A machine, and the three ways in that the SDK offers.
machine = told("create_user machine", lambda: admin.users.create_user(z.UserServiceCreateUserRequest(
    organizationId=organization, username="robot", machine=z.UserServiceMachine(name="Robot")))).id
seen(machine)
told("create_administrator", lambda: admin.internal_permissions.create_administrator(
    z.InternalPermissionServiceCreateAdministratorRequest(
        userId=machine, resource=z.InternalPermissionServiceResourceType(instance=True), roles=["IAM_OWNER"])))
its_token = told("add_personal_access_token", lambda: admin.users.add_personal_access_token(
    z.UserServiceAddPersonalAccessTokenRequest(userId=machine, expirationDate="2099-01-01T00:00:00Z")))
secret = told("add_secret", lambda: admin.users.add_secret(z.UserServiceAddSecretRequest(userId=machine)))
key = told("add_key", lambda: admin.users.add_key(
    z.UserServiceAddKeyRequest(userId=machine, expirationDate="2099-01-01T00:00:00Z")))
told("add_key for a human", lambda: admin.users.add_key(z.UserServiceAddKeyRequest(userId=person)))
told("list_keys", lambda: admin.users.list_keys(z.UserServiceListKeysRequest()))

key_file = tempfile.NamedTemporaryFile("w", suffix=".json")
key_file.write(base64.b64decode(key.key_content).decode())
key_file.flush()


who_am_i("organizations by machine token", lambda: by_token(its_token.token))
who_am_i("organizations by secret", lambda: by_secret(secret.client_secret))
who_am_i("organizations by key", by_key)
who_am_i("organizations by wrong secret", lambda: by_secret("not the secret"))
who_am_i("organizations by wrong token", lambda: by_token("not a token"))
told("remove_key", lambda: admin.users.remove_key(
    z.UserServiceRemoveKeyRequest(userId=machine, keyId=key.key_id)))
who_am_i("organizations by removed key", by_key)
told("remove_personal_access_token", lambda: admin.users.remove_personal_access_token(
    z.UserServiceRemovePersonalAccessTokenRequest(userId=machine, tokenId=its_token.token_id)))
who_am_i("organizations by removed token", lambda: by_token(its_token.token))

# Projects, their roles and applications, and who may use them.
projects = admin.projects
of_project = z.ProjectServiceCreateProjectRequest(
    organizationId=organization, name="Judged", authorizationRequired=True)
project = told("create_project", lambda: projects.create_project(of_project)).project_id
told("create_project twice", lambda: projects.create_project(of_project))
told("get_project", lambda: projects.get_project(z.ProjectServiceGetProjectRequest(projectId=project)))
by_name = z.ProjectServiceProjectSearchFilter(projectNameFilter=z.ProjectServiceProjectNameFilter(
    projectName="judged", method="TEXT_FILTER_METHOD_EQUALS_IGNORE_CASE"))
told("list_projects", lambda: projects.list_projects(z.ProjectServiceListProjectsRequest(filters=[by_name])))
told("add_project_role", lambda: projects.add_project_role(z.ProjectServiceAddProjectRoleRequest(
    projectId=project, roleKey="reader", displayName="Reader")))
told("list_project_roles", lambda: projects.list_project_roles(
    z.ProjectServiceListProjectRolesRequest(projectId=project)))
granted = told("create_authorization", lambda: admin.authorizations.create_authorization(
    z.AuthorizationServiceCreateAuthorizationRequest(
        userId=person, projectId=project, organizationId=organization, roleKeys=["reader"])))
told("list_authorizations", lambda: admin.authorizations.list_authorizations(
    z.AuthorizationServiceListAuthorizationsRequest()))
told("delete_authorization", lambda: admin.authorizations.delete_authorization(
    z.AuthorizationServiceDeleteAuthorizationRequest(id=granted.id)))
oidc = z.ApplicationServiceCreateOIDCApplicationRequest(
    redirectUris=["https://app.judge.test/back"],
    authMethodType="OIDC_AUTH_METHOD_TYPE_BASIC",
    applicationType="OIDC_APP_TYPE_WEB",
)
application = told("create_application", lambda: admin.applications.create_application(
    z.ApplicationServiceCreateApplicationRequest(projectId=project, name="Web", oidcConfiguration=oidc)))
told("get_application", lambda: admin.applications.get_application(
    z.ApplicationServiceGetApplicationRequest(applicationId=application.application_id)))
told("list_applications", lambda: admin.applications.list_applications(
    z.ApplicationServiceListApplicationsRequest(filters=[z.ApplicationServiceApplicationSearchFilter(
        projectIdFilter=z.ApplicationServiceProjectIDFilter(projectId=project))])))
told("generate_client_secret", lambda: admin.applications.generate_client_secret(
    z.ApplicationServiceGenerateClientSecretRequest(
        projectId=project, applicationId=application.application_id)))
told("delete_application", lambda: admin.applications.delete_application(
    z.ApplicationServiceDeleteApplicationRequest(
        projectId=project, applicationId=application.application_id)))

# Gone again.
told("delete_project", lambda: projects.delete_project(z.ProjectServiceDeleteProjectRequest(projectId=project)))
told("get_project deleted", lambda: projects.get_project(
    z.ProjectServiceGetProjectRequest(projectId=project)))
for user in (person, second, machine):
    told("delete_user", lambda user=user: admin.users.delete_user(
        z.UserServiceDeleteUserRequest(userId=user)))
told("get_user_by_id deleted", lambda: admin.users.get_user_by_id(by_id))
who_am_i("organizations by a secret of nobody", lambda: by_secret(secret.client_secret))
