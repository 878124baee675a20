from django.urls import path

from apps.tasks.api import erasure, views

urlpatterns = [
    path("tasks/", views.TaskListView.as_view()),
    path("tasks/<int:task_id>/", views.TaskView.as_view()),
    path("tasks/<int:task_id>/status/", views.TaskStatusView.as_view()),
    path("tasks/<int:task_id>/assign/", views.TaskAssignView.as_view()),
    path("tasks/<int:task_id>/unassign/", views.TaskUnassignView.as_view()),
    path("tasks/<int:task_id>/history/", views.HistoryView.as_view()),
    path("tasks/<int:task_id>/comments/", views.CommentListView.as_view()),
    path("tasks/<int:task_id>/comments/<int:comment_id>/", views.CommentView.as_view()),
    path("projects/", views.ProjectListView.as_view()),
    path("projects/<int:project_id>/", views.ProjectView.as_view()),
    path("projects/<int:project_id>/members/", views.ProjectMemberListView.as_view()),
    path("users/me/erase/", erasure.EraseView.as_view()),
    path("activity/", views.ActivityView.as_view()),
    path("notifications/", views.NotificationView.as_view()),
]
